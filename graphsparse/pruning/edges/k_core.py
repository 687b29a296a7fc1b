from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.graph.cores import core_numbers
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import check_one_node_set, edge_ends


@dataclass(frozen=True)
class KCoreScore(EdgeScore):
    """The largest k whose core holds the edge: the fringe goes first.

    An edge is in the k-core while both ends are, so it is worth the smaller of their
    core numbers (Seidman 1983; core numbers as Batagelj & Zaversnik, "An O(m)
    Algorithm for Cores Decomposition of Networks", 2003). Keeping a core leaves a
    graph in which every node has at least k edges.

    In a directed graph degrees are in- plus out-degrees; parallel arcs count each.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Whole numbers, at least 1."""
        check_one_node_set(adj, self)
        return torch.minimum(*core_numbers(adj)[edge_ends(adj)]).double()
