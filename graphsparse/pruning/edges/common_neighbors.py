from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.graph.proximity import common_neighbors
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import check_one_node_set, edge_ends


@dataclass(frozen=True)
class CommonNeighborsScore(EdgeScore):
    r"""How many neighbours the two ends share: the triangles an edge closes.

    :math:`|N(u) \cap N(v)|` (Newman 2001; Hamann et al., "Structure-Preserving
    Sparsification Methods for Social Networks", SNAM 2016, section 4.2, as an edge's
    embeddedness).

    Neighbours are sets without the node's own loop. In a directed graph a neighbour
    is the source of an arc into the node.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Whole numbers; many edges tie at 0 where triangles are few."""
        check_one_node_set(adj, self)
        return common_neighbors(adj, edge_ends(adj)).double()
