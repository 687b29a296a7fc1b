from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.base import EdgeScore, multiply_ends


@dataclass(frozen=True)
class DegreeScore(EdgeScore):
    """First-order degree, :math:`1 / (d_u d_v)`: edges between hubs go first.

    The plainest form of what TEDDY refines, and the baseline it has to beat. In a
    directed graph out-degree of the source and in-degree of the target.

    Args:
        reverse: Remove edges of low-degree nodes first, as a control.
    """

    reverse: bool = False

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Every arc has positive degree at both ends, so nothing divides by 0."""
        ends = adj.out_degree().double(), adj.degree().double()
        product = multiply_ends(adj, *ends)
        return product if self.reverse else 1 / product
