from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from graphsparse.graph.loops import last_of_each
from graphsparse.kernels import Pattern, segment_reduce, spmm
from graphsparse.kernels.layout import invert
from graphsparse.kernels.pattern import row_ids

if TYPE_CHECKING:
    from graphsparse.graph.adjacency import Adjacency


class Operator(NamedTuple):
    """A sparse matrix of numbers in slot order: ``operator @ x`` multiplies."""

    pattern: Pattern
    value: Tensor

    @property
    def num_rows(self) -> int:
        """Number of rows."""
        return self.pattern.rowptr.numel() - 1

    def to_dense(self) -> Tensor:
        """The matrix as a tensor, slots at one place added up."""
        assert self.pattern.t_rowptr is not None
        num_cols = self.pattern.t_rowptr.numel() - 1
        row = row_ids(self.pattern.rowptr, self.pattern.col.numel())
        out = self.value.new_zeros(self.num_rows, num_cols)
        return out.index_put((row, self.pattern.col.long()), self.value, True)

    def __matmul__(self, x: Tensor) -> Tensor:
        return spmm(self.pattern, x, self.value)


def gcn_operator(
    adj: Adjacency,
    add_self_loops: bool,
    fill_value: float,
    dtype: torch.dtype,
    degree: Tensor | None = None,
) -> Operator:
    """What :meth:`Adjacency.normalize` gives, made anew; row sums may be given."""
    pattern = adj.pattern('all' if add_self_loops else 'given')
    loop = _loop_values(adj, add_self_loops, fill_value, dtype)
    weight = torch.cat([adj.arc_values(dtype), loop])
    by_slot = weight if pattern.perm is None else weight[pattern.perm]
    if degree is None:
        degree = segment_reduce(pattern.rowptr, by_slot)
    positive = degree > 0
    scale = torch.where(positive, degree, 1.0).rsqrt() * positive
    row = row_ids(pattern.rowptr, pattern.col.numel())
    value = scale[row] * by_slot * scale[pattern.col]
    return Operator(in_slot_order(pattern), value)


def gcn_degree(
    adj: Adjacency, add_self_loops: bool, fill_value: float, dtype: torch.dtype
) -> Tensor:
    """The row sums that :func:`gcn_operator` divides by, with no pattern made."""
    loop = _loop_values(adj, add_self_loops, fill_value, dtype)
    if adj.weight is None and adj.mask is None:
        degree = adj.degree().to(dtype)
    else:
        degree = segment_reduce(adj.rowptr, adj.arc_values(dtype))
    return degree + loop if add_self_loops else degree.index_add(0, adj.loop, loop)


def _loop_values(
    adj: Adjacency, add_self_loops: bool, fill_value: float, dtype: torch.dtype
) -> Tensor:
    """Values of the loops given, or of one at every node."""
    num_nodes = adj.num_nodes
    loop = adj.loop_values(dtype)
    if not add_self_loops:
        return loop
    full = torch.full((num_nodes,), fill_value, device=adj.col.device)
    return full.to(dtype).index_copy(0, *last_of_each(adj.loop, loop))


def in_slot_order(pattern: Pattern) -> Pattern:
    """The pattern for values that stand in slot order themselves."""
    if pattern.perm is None:
        return pattern
    assert pattern.t_perm is not None
    slot = invert(pattern.perm).index_select(0, pattern.t_perm)
    return pattern._replace(perm=None, t_perm=slot)
