"""Graph attention in one pass over the edges each way.

Nothing of the size edges x heads x features is made. As in FlashAttention (Dao et al.
2022), the forward pass keeps a running maximum and total, and the backward pass makes
the shares anew from the logarithm of the total and needs, beside them, only
``D = <grad, out>`` of each target and head.
"""

from __future__ import annotations

import math
from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

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
from graphsparse.kernels.triton.spmm import merge, reduce_rows


def gat_aggregate(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    negative_slope: float,
    dropout: float,
    seed: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """As :func:`reference.gat_aggregate`; the log of half types is float32."""
    rowptr, col, perm, x, source, target, mask = dense(
        rowptr, col, perm, x, source, target, mask
    )
    rows, slots, (_, heads, features) = rowptr.numel() - 1, col.numel(), x.shape
    out = x.new_zeros(rows, heads, features)
    log_total = x.new_full((rows, heads), -math.inf, dtype=wide(x.dtype))
    if rows * slots * heads == 0:
        return out, log_total
    size = blocks(heads, features, x.dtype)
    part = room_for_pieces(x, slots, heads, features)
    part_top, part_total = (room_for_pieces(x, slots, heads) for _ in range(2))
    by_rows(
        *(_attend_kernel, rows, slots, size),
        *(rowptr, col, perm, x, source, target, mask, seed, out, log_total),
        *(part, part_top, part_total),
        **_constants(negative_slope, dropout),
    )
    if part.size(0):
        with torch.cuda.device_of(x):
            _merge_attention_kernel[(part.size(0) // 2, programs(size))](
                *(rowptr, part, part_top, part_total, out, log_total, rows, slots),
                **size,
            )
    return out, log_total


def gat_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    t_rowptr: Tensor,
    t_col: Tensor,
    t_perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    negative_slope: float,
    dropout: float,
    seed: Tensor | None,
    out: Tensor,
    log_total: Tensor,
    grad: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of :func:`gat_aggregate` to x, source, target and mask (or empty).

    One pass over the transpose; that to ``target`` is summed up over the rows after
    it, from a number for each entry and head. An entry of mask 0 gets its one-sided
    derivative, a sum over heads of ``exp(score - log_total) (drop <grad, x> - D)``.
    """
    t_rowptr, t_col, t_perm, x, source, target, mask, out, log_total, grad = dense(
        t_rowptr, t_col, t_perm, x, source, target, mask, out, log_total, grad
    )
    (nodes, heads, features), slots = x.shape, t_col.numel()
    rows, dtype = target.size(0), wide(x.dtype)
    if rows * slots * heads * features == 0:
        given = (x, source, target, x.new_empty(0) if mask is None else mask)
        return tuple(torch.zeros_like(t) for t in given)  # type: ignore[return-value]
    size = blocks(heads, features, x.dtype, whole=True)
    # Three numbers of a target and head, side by side: one read of memory an edge.
    facts = x.new_empty(rows, heads, 4, dtype=dtype)
    slope = x.new_empty(slots, heads, dtype=dtype)
    mask_slope = None if mask is None else torch.empty_like(slope)
    grad_x, grad_source = torch.empty_like(x), torch.empty_like(source)
    part = room_for_pieces(x, slots, heads, features)
    part_source = room_for_pieces(x, slots, heads)
    lines = max(1, 1024 // size['BLOCK_F'])
    with torch.cuda.device_of(x):
        _facts_kernel[(triton.cdiv(rows * heads, lines),)](
            *(target, log_total, out, grad, facts, rows * heads),
            F=features,
            ACC=size['ACC'],
            LINES=lines,
            BLOCK_F=size['BLOCK_F'],
        )
    by_rows(
        *(_attend_backward_kernel, nodes, slots, size),
        *(t_rowptr, t_col, t_perm, x, source, mask, seed, facts, grad, slope),
        *(mask_slope, grad_x, grad_source, part, part_source),
        LIMIT=math.log(torch.finfo(dtype).max) / 2,
        **_constants(negative_slope, dropout),
    )
    merge(t_rowptr, part, None, grad_x, slots)
    merge(t_rowptr, part_source, None, grad_source, slots)
    # The sum over a row of what stands at its entries: a product with their pattern.
    grad_target = reduce_rows(
        *(rowptr, perm, None, None, None, slope.unsqueeze(1), None),
        *('sum', target.dtype),
    ).view_as(target)
    if mask_slope is None:
        return grad_x, grad_source, grad_target, x.new_empty(0)
    return grad_x, grad_source, grad_target, mask_slope.sum(1).to(mask.dtype)


def _constants(negative_slope: float, dropout: float) -> dict[str, Any]:
    """As constants, since Triton would pass them as float32."""
    return {
        'SLOPE': float(negative_slope),
        'KEPT_FROM': round(dropout * 2**24) if dropout > 0 else 0,
        'SCALE': 1 / (1 - dropout) if dropout < 1 else 0.0,
    }


@triton.jit
def _leaky(z, SLOPE: tl.constexpr):
    """leaky_relu and its derivative."""
    slope = tl.where(z > 0, tl.full((), 1, z.dtype), tl.full((), SLOPE, z.dtype))
    return z * slope, slope


@triton.jit
def _dropout_scale(
    seed,
    entry,
    h,
    H: tl.constexpr,
    KEPT_FROM: tl.constexpr,
    SCALE: tl.constexpr,
    ACC: tl.constexpr,
):
    """0 or ``1 / (1 - dropout)`` from SplitMix64, as ``reference.dropout_scale``."""
    counter = (entry[:, None] * H + h[None, :] + 1).to(tl.uint64)
    z = tl.load(seed).to(tl.uint64) + counter * 0x9E3779B97F4A7C15
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB
    kept = ((z ^ (z >> 31)) >> 40) >= KEPT_FROM
    return tl.where(kept, tl.full((), SCALE, ACC), tl.full((), 0, ACC))


@triton.jit
def _join(top, total, acc, score, weight, message):
    """A running softmax that takes in ``weight`` shares at ``score``."""
    new = tl.maximum(top, score)
    shift = tl.where(new == float('-inf'), 0, new)
    before = tl.exp(top - shift)
    share = tl.exp(score - shift)
    total = total * before + share * weight
    acc = acc * before[:, :, None] + share[:, :, None] * message
    return new, total, acc


@triton.jit
def _settle(top, total, acc):
    """The lanes of a running softmax in one: top, total, and what was summed."""
    most = tl.max(top, 0)
    shift = tl.where(most == float('-inf'), 0, most)
    scale = tl.exp(top - shift[None, :])
    return most, tl.sum(total * scale, 0), tl.sum(acc * scale[:, :, None], 0)


@triton.jit
def _write(
    out,
    log_total,
    row,
    top,
    total,
    acc,
    h,
    place,
    there,
    H: tl.constexpr,
    F: tl.constexpr,
):
    whole = tl.where(total == 0, 1, total)
    tl.store(out + row * (H * F) + place, acc / whole[:, None], mask=there)
    logarithm = tl.where(total == 0, float('-inf'), top + tl.log(whole))
    tl.store(log_total + row * H + h, logarithm, mask=h < H)


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _attend_kernel(
    rowptr,
    col,
    perm,
    x,
    source,
    target,
    mask,
    seed,
    out,
    log_total,
    part,
    part_top,
    part_total,
    rows,
    slots,
    pieces,
    SLOPE: tl.constexpr,
    KEPT_FROM: tl.constexpr,
    SCALE: tl.constexpr,
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
    own = of_row(target, row, h, h < H, H, ACC)
    # Each lane of the block keeps a softmax of its own; they meet after the loop.
    top = tl.full((BLOCK_K, BLOCK_H), float('-inf'), ACC)
    total = tl.zeros((BLOCK_K, BLOCK_H), ACC)
    acc = tl.zeros((BLOCK_K, BLOCK_H, BLOCK_F), ACC)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        entry, on = entries(perm, None, k, k < end)
        at = columns(col, k, on)
        score, _steep = _leaky(own + of_heads(source, at, on, h, H, ACC), SLOPE)
        if mask is not None:
            score += tl.log(tl.load(mask + entry, mask=on, other=1).to(ACC))[:, None]
        score = tl.where(on[:, None], score, float('-inf'))
        message = gather(x, at, on, place, there, H * F, ACC)
        if KEPT_FROM > 0:
            drop = _dropout_scale(seed, entry, h, H, KEPT_FROM, SCALE, ACC)
            message *= drop[:, :, None]
        top, total, acc = _join(top, total, acc, score, 1, message)
    most, whole, out_row = _settle(top, total, acc)
    piece = tl.program_id(0).to(tl.int64)
    if mine:
        if piece < pieces:
            # Programs for other features of a head write the same once more.
            tl.store(part + piece * (H * F) + place, out_row, mask=there)
            tl.store(part_top + piece * H + h, most, mask=h < H)
            tl.store(part_total + piece * H + h, whole, mask=h < H)
        else:
            _write(out, log_total, row, most, whole, out_row, h, place, there, H, F)


@triton.jit(do_not_specialize=['rows', 'slots'])
def _merge_attention_kernel(
    rowptr,
    part,
    part_top,
    part_total,
    out,
    log_total,
    rows,
    slots,
    H: tl.constexpr,
    F: tl.constexpr,
    ACC: tl.constexpr,
    CHUNK: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    row, number, begin = long_row(rowptr, rows, slots, CHUNK)
    h, place, there = head_block(H, F, BLOCK_H, BLOCK_F)
    top = tl.full((BLOCK_K, BLOCK_H), float('-inf'), ACC)
    total = tl.zeros((BLOCK_K, BLOCK_H), ACC)
    acc = tl.zeros((BLOCK_K, BLOCK_H, BLOCK_F), ACC)
    for i0 in range(0, number, BLOCK_K):
        i = i0 + tl.arange(0, BLOCK_K)
        at, on = piece_numbers(i, begin), i < number
        score = of_heads(part_top, at, on, h, H, ACC)
        score = tl.where(on[:, None], score, float('-inf'))
        weight = of_heads(part_total, at, on, h, H, ACC)
        message = gather(part, at, on, place, there, H * F, ACC)
        top, total, acc = _join(top, total, acc, score, weight, message)
    most, whole, out_row = _settle(top, total, acc)
    if number > 0:
        _write(out, log_total, row, most, whole, out_row, h, place, there, H, F)


@triton.jit
def _facts_kernel(
    target,
    log_total,
    out,
    grad,
    facts,
    number,
    F: tl.constexpr,
    ACC: tl.constexpr,
    LINES: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    """``(target, log_total, <grad, out>)`` of every row and head."""
    line = tl.program_id(0).to(tl.int64) * LINES + tl.arange(0, LINES)
    f = tl.arange(0, BLOCK_F)
    at, here = line[:, None] * F + f[None, :], (line < number)[:, None] & (f < F)
    product = tl.load(out + at, mask=here, other=0).to(ACC)
    product *= tl.load(grad + at, mask=here, other=0).to(ACC)
    inside = line < number
    tl.store(facts + line * 4, tl.load(target + line, mask=inside), mask=inside)
    tl.store(facts + line * 4 + 1, tl.load(log_total + line, mask=inside), mask=inside)
    tl.store(facts + line * 4 + 2, tl.sum(product, 1), mask=inside)


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _attend_backward_kernel(
    rowptr,
    col,
    perm,
    x,
    source,
    mask,
    seed,
    facts,
    grad,
    slope,
    mask_slope,
    grad_x,
    grad_source,
    part,
    part_source,
    rows,
    slots,
    pieces,
    LIMIT: tl.constexpr,
    SLOPE: tl.constexpr,
    KEPT_FROM: tl.constexpr,
    SCALE: tl.constexpr,
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
    own_source = of_row(source, row, h, h < H, H, ACC)
    total = tl.zeros((BLOCK_H, BLOCK_F), ACC)
    total_source = tl.zeros((BLOCK_H,), ACC)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        entry, on = entries(perm, None, k, k < end)
        at = columns(col, k, on)
        here = on[:, None] & (h < H)[None, :]
        fact = facts + (at[:, None] * H + h[None, :]) * 4
        score, steep = _leaky(own_source + tl.load(fact, mask=here, other=0), SLOPE)
        log_total = tl.load(fact + 1, mask=here, other=float('-inf'))
        inner = tl.load(fact + 2, mask=here, other=0)
        counts = log_total > float('-inf')  # somebody does in that row
        away = tl.where(counts, score - log_total, 0)
        share = tl.where(counts, tl.exp(tl.minimum(away, LIMIT)), 0)
        message = gather(grad, at, on, place, there, H * F, ACC)
        dot = tl.sum(message * own, 2)
        if mask is not None:
            # Without the mask, for its gradient: far above the rest it stays finite.
            alone = share
            weight = tl.load(mask + entry, mask=on, other=1).to(ACC)
            share = tl.where(counts, tl.exp(away + tl.log(weight)[:, None]), 0)
        given = share
        if KEPT_FROM > 0:
            drop = _dropout_scale(seed, entry, h, H, KEPT_FROM, SCALE, ACC)
            dot *= drop
            given *= drop
        total += tl.sum(given[:, :, None] * message, 0)
        change = share * (dot - inner) * steep
        total_source += tl.sum(change, 0)
        put_heads(slope, entry, on, h, change, H)
        if mask is not None:
            put_heads(mask_slope, entry, on, h, alone * (dot - inner), H)
    put_row(part, grad_x, row, pieces, mine, place, there, total, H * F)
    put_row(part_source, grad_source, row, pieces, mine, h, h < H, total_source, H)
