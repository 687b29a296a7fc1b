from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import edge_ends
from graphsparse.pruning.edges.features import check_features, dots


@dataclass(frozen=True)
class FeatureJaccardScore(EdgeScore):
    r"""Jaccard index of the features that the ends have (GCN-Jaccard, Wu et al. 2019).

    :math:`M_{11} / (M_{01} + M_{10} + M_{11})` over the features that are not 0: an
    edge between nodes with nothing in common is suspect. 0 where neither has any.
    Meant for binary features, such as bags of words; x may be a torch sparse matrix.
    Wu et al., "Adversarial Examples for Graph Data: Deep Insights into Attack and
    Defense", IJCAI 2019, eq. 8. Symmetric, so a directed graph changes nothing.

    Raises:
        InputError: If there are no features, or one is NaN.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """In [0, 1]."""
        # 0/1 blocks: counts below 2^24 are exact in float32, at half the traffic.
        shared, count = dots(adj, check_features(adj, x, self), self._present)
        u, v = edge_ends(adj)
        return shared / (count[u] + count[v] - shared).clamp(min=1)

    def _present(self, block: Tensor) -> Tensor:
        if block.isnan().any():
            raise InputError(f'{self} found a feature that is NaN.')
        return (block != 0).float()
