from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.graph.check import check_weight
from graphsparse.kernels.layout import merge_loops


class Rows(NamedTuple):
    """A graph as samplers read it: the edges into each node, self-loops among them.

    Attributes:
        rowptr: Row (target) ends, int64 ``[nodes + 1]``.
        col: Source of each slot, ascending in each row, ``[edges]``.
        order: The caller's position of each slot; None where they are the same.
    """

    rowptr: Tensor
    col: Tensor
    order: Tensor | None

    @staticmethod
    def of(graph: Data | Adjacency) -> Rows:
        """Read a graph once.

        Raises:
            InputError: If it is malformed, has two node sets or a soft mask.
        """
        adj = to_adjacency(graph, undirected=False)
        if adj.mask is not None:
            raise InputError(
                f'{adj} carries a soft mask, which no sampler knows. Remove edges '
                'with Adjacency.keep_edges.'
            )
        if adj.num_nodes == 0:
            raise InputError('The graph has 0 nodes.')
        if adj.num_loops == 0:
            return Rows(adj.rowptr, adj.col, adj.order)
        rowptr, col, perm = merge_loops(adj.rowptr, adj.col, None, adj.loop)
        return Rows(rowptr, col, torch.cat([adj.edge_id, adj.loop_id])[perm.long()])

    @property
    def num_nodes(self) -> int:
        """How many nodes there are."""
        return self.rowptr.numel() - 1

    def edge_id(self, slot: Tensor) -> Tensor:
        """The caller's position of some slots."""
        return slot if self.order is None else self.order[slot]

    def by_slot(self, per_edge: Tensor) -> Tensor:
        """One number for each of the caller's edges, in slot order."""
        per_edge = check_weight(per_edge, self.col.numel())
        return per_edge if self.order is None else per_edge[self.order]
