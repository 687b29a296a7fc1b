"""Sums, means and extremes over neighbours, under a soft mask or none."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.kernels import Pattern, pack_bits, spmm


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

    With a soft mask m: the sum of m x; the mean of x weighed by m; the maximum or
    minimum over the arcs with m > 0. Weights of the graph are not read.

    Args:
        adj: The graph.
        x: ``[num_src, features]``.
        reduce: ``'sum'``, ``'mean'``, ``'max'`` or ``'min'``.

    Returns:
        ``[num_dst, features]``; 0 where no arc is left.
    """
    pattern = adj.pattern('given')
    if reduce in ('max', 'min'):
        keep = (
            None if adj.mask is None else pack_bits(with_loops(adj.mask > 0, pattern))
        )
        return spmm(pattern, x, reduce=reduce, keep=keep)
    if adj.mask is None:
        return spmm(pattern, x, reduce=reduce)
    value = with_loops(adj.mask.to(x.dtype), pattern)
    total = spmm(pattern, x, value)
    if reduce == 'sum':
        return total
    weight = spmm(pattern, x.new_ones(adj.num_src, 1), value)
    some = weight > 0
    return total * (some / torch.where(some, weight, 1))
