from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.graph.proximity import jaccard
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import check_one_node_set, edge_ends


@dataclass(frozen=True)
class JaccardScore(EdgeScore):
    r"""Share of their neighbours that two ends have in common (Satuluri et al. 2011).

    :math:`|N(u) \cap N(v)| / |N(u) \cup N(v)|`, 0 where both are empty: edges inside
    communities score high. Satuluri, Parthasarathy & Ruan, "Local Graph
    Sparsification for Scalable Clustering", SIGMOD 2011, eq. 1; their method ranks it
    per node, which is ``select='per_node'``. The Jaccard index of *features* is
    :class:`~graphsparse.pruning.edges.feature_jaccard.FeatureJaccardScore`.

    Neighbours are sets without the node's own loop. In a directed graph a neighbour
    is the source of an arc into the node.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """In [0, 1); two ends of an edge never share all their neighbours."""
        check_one_node_set(adj, self)
        return jaccard(adj, edge_ends(adj))
