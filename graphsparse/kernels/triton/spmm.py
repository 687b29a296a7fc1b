"""Sparse times dense: reductions over rows, and their gradients."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from graphsparse.kernels import reference
from graphsparse.kernels.triton.launch import (
    blocks,
    by_rows,
    dense,
    programs,
    room_for_pieces,
    wide,
)
from graphsparse.kernels.triton.slots import (
    columns,
    entries,
    gather,
    head_block,
    long_row,
    of_heads,
    of_row,
    piece_numbers,
    piece_of,
    put_heads,
    put_row,
)


def spmm(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    reduce: str,
) -> Tensor:
    """As :func:`reference.spmm`; half types add up in float32."""
    if not x.is_floating_point():  # labels, seldom: not worth kernels
        return reference.spmm(rowptr, col, perm, keep, value, x, reduce)
    return reduce_rows(rowptr, col, perm, keep, value, x, None, reduce, x.dtype)


def spmm_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor,
    x: Tensor,
    grad: Tensor,
) -> tuple[Tensor, Tensor]:
    """As :func:`reference.spmm_backward`, over the transpose in one pass."""
    grad_value, grad_x = _spread(rowptr, col, perm, keep, value, x, None, grad)
    assert grad_value is not None
    return grad_value, grad_x


def spmm_max_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    out: Tensor,
    grad: Tensor,
    t_rowptr: Tensor,
    t_col: Tensor,
    t_perm: Tensor | None,
) -> tuple[Tensor | None, Tensor]:
    """Gradients of a maximum or minimum ``out`` to its values and to ``x``.

    The slots that attain an extreme share its gradient evenly: one pass by rows counts
    them, one over the transpose hands the shares out.
    """
    ties = reduce_rows(
        rowptr, col, perm, keep, value, x, out, 'ties', wide(x.dtype)
    ).clamp_(min=1)
    share = torch.div(grad, ties, out=ties)
    return _spread(t_rowptr, t_col, t_perm, keep, value, x, out, share)


def reduce_rows(
    rowptr: Tensor,
    col: Tensor | None,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    top: Tensor | None,
    reduce: str,
    dtype: torch.dtype,
) -> Tensor:
    """Reduce ``value[k] * x[col[k]]`` over each row; slot k takes ``x[k]`` without col.

    ``reduce`` is one of the four, ``'ties'`` (how many slots attain ``top``), or
    ``'exp'`` (the sum of ``exp(message - top)``).
    """
    rowptr, col, perm, keep, value, x, top = dense(
        rowptr, col, perm, keep, value, x, top
    )
    rows, (slots, heads, features) = rowptr.numel() - 1, x.shape
    slots = slots if col is None else col.numel()
    if rows * slots * heads * features == 0:
        return x.new_zeros(rows, heads, features, dtype=dtype)
    out = x.new_empty(rows, heads, features, dtype=dtype)
    partial = room_for_pieces(x, slots, heads, features)
    counts = x.new_empty(partial.size(0), dtype=torch.int32)
    by_rows(
        *(_reduce_kernel, rows, slots, blocks(heads, features, x.dtype)),
        *(rowptr, col, perm, keep, value, x, top, out, partial, counts),
        REDUCE=reduce,
    )
    merge(rowptr, partial, counts, out, slots, reduce)
    return out


def merge(
    rowptr: Tensor,
    partial: Tensor,
    counts: Tensor | None,
    out: Tensor,
    slots: int,
    reduce: str = 'sum',
) -> None:
    """Fill the long rows of ``out`` from the pieces that the programs wrote."""
    if partial.numel() == 0:
        return
    size = blocks(1, partial[0].numel(), partial.dtype)
    with torch.cuda.device_of(out):
        _merge_kernel[(partial.size(0) // 2, programs(size))](
            *(rowptr, partial, counts, out, out.size(0), slots), REDUCE=reduce, **size
        )


def _spread(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    top: Tensor | None,
    grad: Tensor,
) -> tuple[Tensor | None, Tensor]:
    """Gradients to values and x over the transpose; ``top``: only where it is met."""
    rowptr, col, perm, keep, value, x, top, grad = dense(
        rowptr, col, perm, keep, value, x, top, grad
    )
    (rows, heads, features), slots = x.shape, col.numel()
    if rows * slots * heads * features == 0:
        nothing = None if value is None else torch.zeros_like(value)
        return nothing, torch.zeros_like(x)
    grad_value = None if value is None else torch.empty_like(value)
    grad_x = torch.empty_like(x)
    partial = room_for_pieces(x, slots, heads, features)
    by_rows(
        *(_spread_kernel, rows, slots, blocks(heads, features, x.dtype, whole=True)),
        *(rowptr, col, perm, keep, value, x, top, grad, grad_value, grad_x, partial),
    )
    merge(rowptr, partial, None, grad_x, slots)
    return grad_value, grad_x


@triton.jit
def _start(REDUCE: tl.constexpr):
    if REDUCE == 'max':
        return float('-inf')
    elif REDUCE == 'min':
        return float('inf')
    else:
        return 0.0


@triton.jit
def _absorb(acc, message, REDUCE: tl.constexpr):
    if REDUCE == 'max':
        return tl.maximum(acc, message, propagate_nan=tl.PropagateNan.ALL)
    elif REDUCE == 'min':
        return tl.minimum(acc, message, propagate_nan=tl.PropagateNan.ALL)
    else:
        return acc + message


@triton.jit
def _together(acc, REDUCE: tl.constexpr):
    if REDUCE == 'max' or REDUCE == 'min':  # neither of which minds a NaN
        unknown = tl.sum((acc != acc).to(tl.int32), 0) > 0
        most = tl.max(acc, 0) if REDUCE == 'max' else tl.min(acc, 0)
        return tl.where(unknown, float('nan'), most)
    else:
        return tl.sum(acc, 0)


@triton.jit
def _finish(total, count, REDUCE: tl.constexpr):
    if REDUCE == 'mean':
        return total / tl.maximum(count, 1).to(total.dtype)
    elif REDUCE == 'max' or REDUCE == 'min':
        return tl.where(count > 0, total, 0)
    else:
        return total


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _reduce_kernel(
    rowptr,
    col,
    perm,
    keep,
    value,
    x,
    top,
    out,
    partial,
    counts,
    rows,
    slots,
    pieces,
    REDUCE: tl.constexpr,
    H: tl.constexpr,
    F: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    row, begin, end, mine = piece_of(rowptr, rows, slots, pieces, CHUNK)
    h, place, there = head_block(H, F, BLOCK_H, BLOCK_F)
    if top is not None:
        met = of_row(top, row, place, there, H * F, ACC)
    # Extremes have a number for each slot of the block, which meet after the loop.
    # Sums meet in it: fewer registers, so more programs at once.
    LANES: tl.constexpr = BLOCK_K if REDUCE == 'max' or REDUCE == 'min' else 1
    acc = tl.full((LANES, BLOCK_H, BLOCK_F), _start(REDUCE), ACC)
    count = tl.zeros((BLOCK_K,), tl.int32)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        entry, on = entries(perm, keep, k, k < end)
        message = gather(x, columns(col, k, on), on, place, there, H * F, ACC)
        if value is not None:
            message *= of_heads(value, entry, on, h, H, ACC)[:, :, None]
        if REDUCE == 'ties':  # as it was rounded when the extreme was written
            message = (message.to(x.dtype.element_ty).to(ACC) == met).to(ACC)
        elif REDUCE == 'exp':
            message = tl.exp(message - met)
        message = tl.where(on[:, None, None], message, _start(REDUCE))
        if LANES == 1:
            message = tl.sum(message, 0)[None]
        acc = _absorb(acc, message, REDUCE)
        count += on.to(tl.int32)
    total = _together(acc, REDUCE)
    number = tl.sum(count, 0)
    piece = tl.program_id(0).to(tl.int64)
    if mine:
        if piece < pieces:
            tl.store(partial + piece * (H * F) + place, total, mask=there)
            tl.store(counts + piece, number)
        else:
            total = _finish(total, number, REDUCE)
            tl.store(out + row * (H * F) + place, total, mask=there)


@triton.jit(do_not_specialize=['rows', 'slots'])
def _merge_kernel(
    rowptr,
    partial,
    counts,
    out,
    rows,
    slots,
    REDUCE: tl.constexpr,
    H: tl.constexpr,
    F: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    row, number, first = long_row(rowptr, rows, slots, CHUNK)
    _, place, there = head_block(H, F, BLOCK_H, BLOCK_F)
    acc = tl.full((BLOCK_K, BLOCK_H, BLOCK_F), _start(REDUCE), ACC)
    count = tl.zeros((BLOCK_K,), tl.int32)
    for i0 in range(0, number, BLOCK_K):
        i = i0 + tl.arange(0, BLOCK_K)
        at = piece_numbers(i, first)
        message = gather(partial, at, i < number, place, there, F, ACC)
        message = tl.where((i < number)[:, None, None], message, _start(REDUCE))
        acc = _absorb(acc, message, REDUCE)
        if counts is not None:
            count += tl.load(counts + at, mask=i < number, other=0)
    if number > 0:
        total = _finish(_together(acc, REDUCE), tl.sum(count, 0), REDUCE)
        tl.store(out + row * F + place, total, mask=there)


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _spread_kernel(
    rowptr,
    col,
    perm,
    keep,
    value,
    x,
    top,
    grad,
    grad_value,
    grad_x,
    partial,
    rows,
    slots,
    pieces,
    H: tl.constexpr,
    F: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    row, begin, end, mine = piece_of(rowptr, rows, slots, pieces, CHUNK)
    h, place, there = head_block(H, F, BLOCK_H, BLOCK_F)
    own = of_row(x, row, place, there, H * F, ACC)
    total = tl.zeros((BLOCK_H, BLOCK_F), ACC)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        inside = k < end
        entry, on = entries(perm, keep, k, inside)
        target = columns(col, k, on)
        message = gather(grad, target, on, place, there, H * F, ACC)
        factor = tl.full((BLOCK_K, BLOCK_H, 1), 1, ACC)
        if value is not None:
            factor = of_heads(value, entry, on, h, H, ACC)[:, :, None]
        if top is not None:  # compared as it was rounded when it was written
            met = gather(top, target, on, place, there, H * F, ACC)
            product = (own * factor).to(x.dtype.element_ty).to(ACC)
            message = tl.where(product == met, message, 0)
        if value is not None:
            dot = tl.where(on[:, None], tl.sum(message * own, 2), 0)
            put_heads(grad_value, entry, inside, h, dot, H)
        total += tl.sum(message * factor, 0)
    put_row(partial, grad_x, row, pieces, mine, place, there, total, H * F)
