from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.graph.proximity import adamic_adar
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import check_one_node_set, edge_ends


@dataclass(frozen=True)
class AdamicAdarScore(EdgeScore):
    r"""Shared neighbours, each worth the less the more neighbours it has itself.

    :math:`\sum_{w \in N(u) \cap N(v)} 1 / \log d_w` (Adamic & Adar, "Friends and
    Neighbors on the Web", Social Networks 2003).

    Neighbours are sets without the node's own loop. In a directed graph a neighbour
    is the source of an arc into the node, and its degree how many nodes it points to.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """0 where the ends share no neighbour."""
        check_one_node_set(adj, self)
        return adamic_adar(adj, edge_ends(adj))
