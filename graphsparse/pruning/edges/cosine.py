from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import edge_ends
from graphsparse.pruning.edges.features import check_features, dots


@dataclass(frozen=True)
class CosineScore(EdgeScore):
    r"""Cosine of the ends' features: edges between unlike nodes go first.

    :math:`\langle x_u, x_v \rangle / (\|x_u\| \|x_v\|)`, 0 where a node has no
    feature (Zhang & Zitnik, "GNNGuard: Defending Graph Neural Networks against
    Adversarial Attacks", NeurIPS 2020, eq. 2, on the input features). Computed in
    float64, some columns at a time; x may be a torch sparse matrix. Symmetric, so a
    directed graph changes nothing.

    Raises:
        InputError: If there are no features.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """In [-1, 1]."""
        across, square = dots(adj, check_features(adj, x, self))
        u, v = edge_ends(adj)
        length = square.sqrt()
        length = length.masked_fill(square == 0, 1.0)  # the product is 0 already
        return (across / (length[u] * length[v])).clamp(-1, 1)
