"""Dense times dense, or dense plus dense, at the slots of a pattern."""

from __future__ import annotations

import triton
import triton.language as tl
from torch import Tensor

from graphsparse.kernels.triton.launch import blocks, by_rows, dense
from graphsparse.kernels.triton.slots import (
    columns,
    entries,
    gather,
    head_block,
    of_heads,
    of_row,
    piece_of,
    put_heads,
)


def sddmm(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    a: Tensor,
    b: Tensor,
) -> Tensor:
    """As :func:`reference.sddmm`; half types add up in float32."""
    rowptr, col, perm, keep, a, b = dense(rowptr, col, perm, keep, a, b)
    (rows, heads, features), slots = a.shape, col.numel()
    if slots * heads * features == 0:
        return a.new_zeros(slots, heads)
    out = a.new_empty(slots, heads)
    size = blocks(heads, features, a.dtype, whole=True)
    by_rows(_sddmm_kernel, rows, slots, size, rowptr, col, perm, keep, a, b, out)
    return out


def sddmm_add(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, a: Tensor, b: Tensor
) -> Tensor:
    """As :func:`reference.sddmm_add`."""
    rowptr, col, perm, a, b = dense(rowptr, col, perm, a, b)
    (rows, heads), slots = a.shape, col.numel()
    out = a.new_empty(slots, heads)
    if out.numel() == 0:
        return out
    size = blocks(heads, 1, a.dtype)
    by_rows(_sddmm_add_kernel, rows, slots, size, rowptr, col, perm, a, b, out)
    return out


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _sddmm_kernel(
    rowptr,
    col,
    perm,
    keep,
    a,
    b,
    out,
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
    row, begin, end, _ = piece_of(rowptr, rows, slots, pieces, CHUNK)
    h, place, there = head_block(H, F, BLOCK_H, BLOCK_F)
    own = of_row(a, row, place, there, H * F, ACC)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        inside = k < end
        entry, on = entries(perm, keep, k, inside)
        other = gather(b, columns(col, k, on), on, place, there, H * F, ACC)
        dot = tl.where(on[:, None], tl.sum(own * other, 2), 0)
        put_heads(out, entry, inside, h, dot, H)


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _sddmm_add_kernel(
    rowptr,
    col,
    perm,
    a,
    b,
    out,
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
    row, begin, end, _ = piece_of(rowptr, rows, slots, pieces, CHUNK)
    h, _, _ = head_block(H, F, BLOCK_H, BLOCK_F)
    own = of_row(a, row, h, h < H, H, ACC)
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        entry, inside = entries(perm, None, k, k < end)
        other = of_heads(b, columns(col, k, inside), inside, h, H, ACC)
        put_heads(out, entry, inside, h, own + other, H)
