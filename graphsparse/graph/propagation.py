from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, get_args

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.convert import to_adjacency
from graphsparse.graph.loops import last_of_each
from graphsparse.kernels import Pattern, spmm

Normalization = Literal['sym', 'row', 'column']

# A slot's column as int64 and its value, while a block is computed.
_SLOT_BYTES = 16


@dataclass(frozen=True, eq=False)
class Propagation:
    r"""A normalised graph S that is never made: its products come in blocks of rows.

    :math:`S = L (A + \mathrm{diag}) R` with diagonal L and R, of row sums D: ``'sym'``
    is :math:`D^{-1/2} A D^{-1/2}`, ``'row'`` :math:`D^{-1} A`, a mean over neighbours,
    and ``'column'`` :math:`A D^{-1}`. A node of degree 0 has a row of zeros. Memory
    beside the graph is some numbers a node and a block, so A and what it is multiplied
    with may be mapped from disk. No gradient flows through it.

    Attributes:
        adj: The graph.
        diagonal: Weight of the self-loop of each node ``[nodes]``.
        left: Factor of each row ``[nodes]``.
        right: Factor of each column ``[nodes]``.
    """

    adj: Adjacency
    diagonal: Tensor
    left: Tensor
    right: Tensor

    @staticmethod
    @torch.no_grad()
    def of(
        graph: Any,
        normalization: Normalization = 'sym',
        self_loops: bool = False,
        dtype: torch.dtype = torch.float32,
    ) -> Propagation:
        """Read a graph and sum its rows.

        Args:
            graph: Whatever :func:`~graphsparse.graph.to_adjacency` takes; an Adjacency
                may lie on memory maps.
            normalization: 'sym', 'row' or 'column'.
            self_loops: One self-loop at every node, as :meth:`Adjacency.normalize` has
                them; False takes loops as given.
            dtype: Of the numbers.

        Raises:
            InputError: If the graph has two node sets or the name is not known.
        """
        if normalization not in get_args(Normalization):
            known = list(get_args(Normalization))
            raise unknown('normalization', normalization, known)
        adj = to_adjacency(graph)
        num_nodes, loop = adj.num_nodes, adj.loop_values(dtype)
        if self_loops:
            full = loop.new_ones(num_nodes)
            diagonal = full.index_copy(0, *last_of_each(adj.loop, loop))
        else:
            diagonal = loop.new_zeros(num_nodes).index_add(0, adj.loop, loop)
        one = torch.ones_like(diagonal)
        raw = Propagation(adj, diagonal, one, one)
        degree = torch.cat([rows for _, rows in raw.blocks(one.view(-1, 1))]).view(-1)
        positive = degree > 0
        inverse = torch.where(positive, degree, 1.0).reciprocal() * positive
        left, right = {
            'sym': (inverse.sqrt(), inverse.sqrt()),
            'row': (inverse, one),
            'column': (one, inverse),
        }[normalization]
        return Propagation(adj, diagonal, left, right)

    def blocks(
        self, x: Tensor, block_bytes: int = 2**26
    ) -> Iterator[tuple[int, Tensor]]:
        """The product with x, some rows at a time.

        Args:
            x: ``[nodes, features]`` of the type of the factors; may be mapped.
            block_bytes: Memory for a block: its rows, and the columns and values of
                their edges. A block has one row at least.

        Yields:
            The first row of a block, and the block ``[rows, features]``.
        """
        adj, num_nodes = self.adj, self.adj.num_nodes
        if x.dim() != 2 or x.size(0) != num_nodes or x.dtype != self.left.dtype:
            raise InputError(
                f'x has to be {self.left.dtype} of shape [{num_nodes} nodes, features] '
                f'(got {x.dtype} of shape {list(x.shape)}).'
            )
        row_bytes = 2 * x.size(1) * x.element_size() + 8
        rows = torch.arange(num_nodes + 1, device=x.device)
        cost = rows * row_bytes + adj.rowptr * _SLOT_BYTES
        begin = 0
        while begin < num_nodes:
            last = int(torch.searchsorted(cost, cost[begin] + block_bytes, right=True))
            end = min(max(last - 1, begin + 1), num_nodes)
            yield begin, self._rows(begin, end, x)
            begin = end

    @torch.no_grad()
    def _rows(self, begin: int, end: int, x: Tensor) -> Tensor:
        adj = self.adj
        first, last = int(adj.rowptr[begin]), int(adj.rowptr[end])
        col = adj.col[first:last]
        value = self.right[col.long()]
        for factor in (adj.weight, adj.mask):
            if factor is not None:
                value = value * factor[first:last].to(value.dtype)
        rowptr = adj.rowptr[begin : end + 1] - first
        out = spmm(Pattern(rowptr, col, None, None, None, None), x, value)
        own = self.diagonal[begin:end] * self.right[begin:end]
        if own.any():
            out.addcmul_(own.view(-1, 1), x[begin:end])
        return out.mul_(self.left[begin:end].view(-1, 1))

    def __matmul__(self, x: Tensor) -> Tensor:
        out = torch.empty_like(x)
        for begin, rows in self.blocks(x):
            out[begin : begin + rows.size(0)] = rows
        return out
