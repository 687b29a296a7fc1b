"""Orders of the nodes in which neighbours stand close; a new one is a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
import torch
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, metis_parts, pattern_matrix


@dataclass(frozen=True)
class NodeOrder(ABC):
    """Which node stands where, from the graph alone. Writing the subclass names it."""

    @abstractmethod
    def order(self, adj: Adjacency) -> Tensor:
        """The old id of each new node, int64 ``[num_nodes]``."""

    def __call__(self, adj: Adjacency) -> Tensor:
        """:meth:`order`, checked to hold every node once."""
        order = self.order(adj)
        if not is_permutation(order, adj.num_nodes):
            raise TypeError(f'{self} does not hold every node once.')
        return order


def is_permutation(order: Tensor, size: int) -> bool:
    """Whether ``order`` holds each of 0 to ``size - 1`` once."""
    every = torch.arange(size, device=order.device)
    return order.shape == (size,) and torch.equal(order.sort().values, every)


@dataclass(frozen=True)
class RcmOrder(NodeOrder):
    """Reverse Cuthill-McKee (Cuthill & McKee 1969, George 1971): a narrow band.

    Breadth first from a node of low degree, so that neighbours get close numbers. A
    directed graph is ordered as if its arcs went both ways.
    """

    def order(self, adj: Adjacency) -> Tensor:
        """By scipy."""
        if adj.num_nodes == 0:
            return torch.empty(0, dtype=torch.int64)
        order = reverse_cuthill_mckee(
            pattern_matrix(adj), symmetric_mode=adj.undirected
        )
        return torch.as_tensor(order.astype(np.int64), device=adj.col.device)


@dataclass(frozen=True)
class DegreeOrder(NodeOrder):
    """Hubs first: the rows that are read most share cache lines and pages."""

    def order(self, adj: Adjacency) -> Tensor:
        """Arcs in and out are counted; among equals the old order holds."""
        degree = adj.degree() + adj.out_degree()
        return degree.argsort(descending=True, stable=True)


@dataclass(frozen=True)
class PartitionOrder(NodeOrder):
    """METIS parts one after another (Karypis & Kumar 1998); few edges between them.

    Args:
        num_parts: How many; one for every 1024 nodes if None.
        seed: Of METIS.
    """

    num_parts: int | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if self.num_parts is not None and self.num_parts < 1:
            raise InputError(f'num_parts has to be 1 or more (got {self.num_parts}).')

    def order(self, adj: Adjacency) -> Tensor:
        """Within a part the old order holds."""
        num_parts = self.num_parts or max(1, adj.num_nodes // 1024)
        return metis_parts(adj, num_parts, self.seed).argsort(stable=True)
