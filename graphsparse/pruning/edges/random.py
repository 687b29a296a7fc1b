from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.base import EdgeScore


@dataclass(frozen=True)
class RandomScore(EdgeScore):
    """Uniform numbers: the null every other score has to beat."""

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Drawn in the order of the sorted edges, so the caller's order is out."""
        generator = torch.Generator().manual_seed(seed)
        draw = torch.rand(adj.num_edges, dtype=torch.float64, generator=generator)
        return draw.to(adj.col.device)
