"""Orders of the nodes in which neighbours stand close; a new one is a subclass."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import reverse_cuthill_mckee
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency


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


def _matrix(adj: Adjacency) -> Any:
    """The arcs as a scipy matrix without duplicates, index types as METIS's."""
    if adj.num_arcs >= 2**31:
        raise InputError(f'{adj} is too large to order: 2^31 arcs or more.')
    parts = (adj.col.cpu().numpy(), adj.rowptr.cpu().numpy())
    ends = (part.astype(np.int32) for part in parts)
    shape = (adj.num_nodes, adj.num_nodes)
    matrix = csr_array((np.ones(adj.num_arcs, np.int8), *ends), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1  # sums wrap around, and scipy drops what adds up to 0
    return matrix


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
        order = reverse_cuthill_mckee(_matrix(adj), symmetric_mode=adj.undirected)
        return torch.as_tensor(order.astype(np.int64), device=adj.col.device)


@dataclass(frozen=True)
class DegreeOrder(NodeOrder):
    """Hubs first: the rows that are read most share cache lines and pages."""

    def order(self, adj: Adjacency) -> Tensor:
        """Arcs in and out are counted; among equals the old order holds."""
        degree = adj.degree() + adj.transpose()[0].diff()
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
        # METIS answers a one-way arc with nonsense, and more parts with empty ones.
        if not adj.undirected:
            raise InputError(
                f'A partition needs an undirected graph, but this is {adj}. Make it '
                'one with torch_geometric.utils.to_undirected.'
            )
        num_parts = self.num_parts or max(1, adj.num_nodes // 1024)
        if num_parts > max(adj.num_nodes, 1):
            raise InputError(f'{num_parts} parts of {adj.num_nodes} nodes.')
        if num_parts == 1 or adj.num_arcs == 0:
            return torch.arange(adj.num_nodes, device=adj.col.device)
        import pymetis  # here, since no other order needs it

        matrix = _matrix(adj)
        options = pymetis.Options(seed=self.seed)
        graph = pymetis.CSRAdjacency(matrix.indptr, matrix.indices)
        _, part = pymetis.part_graph(num_parts, graph, options=options)
        return torch.as_tensor(part, device=adj.col.device).argsort(stable=True)
