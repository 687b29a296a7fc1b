"""Sums, means and maxima over neighbours, under a soft mask or none."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.kernels import Pattern, compact, segment_reduce, spmm
from graphsparse.kernels.pattern import row_ids

_CHUNK = 2**22  # numbers that the gradient of a maximum holds at once


def multiply(pattern: Pattern, x: Tensor, value: Tensor | None) -> Tensor:
    """``spmm`` in the wider of the two types, as torch promotes a product."""
    if value is not None:
        x = x.to(torch.promote_types(x.dtype, value.dtype))
    return spmm(pattern, x, value)


def with_loops(mask: Tensor, pattern: Pattern) -> Tensor:
    """A mask over arcs as values for a pattern; self-loops are never masked."""
    loops = mask.new_ones(pattern.col.numel() - mask.numel())
    return torch.cat([mask, loops])


def aggregate(adj: Adjacency, x: Tensor, reduce: str) -> Tensor:
    """Reduce the features of the sources into each target.

    With a soft mask m: the sum of m x; the mean of x weighed by m; the maximum over
    the arcs with m > 0. Weights of the graph are not read.

    Args:
        adj: The graph.
        x: ``[num_src, features]``.
        reduce: ``'sum'``, ``'mean'`` or ``'max'``.

    Returns:
        ``[num_dst, features]``; 0 where no arc is left.
    """
    pattern = adj.pattern('given')
    if reduce == 'max':
        width = max(1, _CHUNK // max(1, pattern.col.numel()))
        if adj.mask is not None:
            pattern = _alive(pattern, adj.mask)
        return _Max.apply(x, pattern.rowptr, pattern.col, width)
    if adj.mask is None:
        return spmm(pattern, x, reduce=reduce)
    value = with_loops(adj.mask.to(x.dtype), pattern)
    total = spmm(pattern, x, value)
    if reduce == 'sum':
        return total
    weight = spmm(pattern, x.new_ones(adj.num_src, 1), value)
    some = weight > 0
    return total * (some / torch.where(some, weight, 1))


def _alive(pattern: Pattern, mask: Tensor) -> Pattern:
    alive = with_loops(mask > 0, pattern)
    if pattern.perm is not None:
        alive = alive[pattern.perm]
    rowptr, col, _ = compact(pattern.rowptr, pattern.col, alive)
    return Pattern(rowptr, col)


class _Max(torch.autograd.Function):
    """The maximum, whose gradient is shared by all that attain it, as in PyG.

    The kernel's own gradient goes to the first; features that come out of a ReLU
    have ties by the thousand.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, rowptr: Tensor, col: Tensor, width: int) -> Tensor:
        ctx.width = width
        out = spmm(Pattern(rowptr, col), x, reduce='max')
        ctx.save_for_backward(x, out, rowptr, col)
        return out

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:
        x, out, rowptr, col = ctx.saved_tensors
        row, source = row_ids(rowptr, col.numel()), col.long()
        parts = []
        # A few features at a time: never a number for every arc and feature.
        for x_part, top, grad_part in zip(
            *(t.split(ctx.width, 1) for t in (x, out, grad)), strict=True
        ):
            attains = (x_part[source] == top[row]).to(x.dtype)
            ties = segment_reduce(rowptr, attains).clamp(min=1)
            share = attains * (grad_part / ties)[row]
            place = source.unsqueeze(1).expand_as(share)
            parts.append(torch.zeros_like(x_part).scatter_add(0, place, share))
        return torch.cat(parts, 1), None, None, None
