"""Reductions and softmax over the slots of each row."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from graphsparse.kernels import reference
from graphsparse.kernels.triton.launch import blocks, by_rows, dense, wide
from graphsparse.kernels.triton.slots import (
    head_block,
    of_heads,
    of_row,
    piece_of,
    put_heads,
)
from graphsparse.kernels.triton.spmm import reduce_rows


def segment_reduce(rowptr: Tensor, src: Tensor, reduce: str) -> Tensor:
    """As :func:`reference.segment_reduce`; half types add up in float32."""
    if not src.is_floating_point():
        return reference.segment_reduce(rowptr, src, reduce)
    return _over_rows(rowptr, src, None, reduce, src.dtype)


def segment_softmax(rowptr: Tensor, score: Tensor) -> Tensor:
    """As :func:`reference.segment_softmax`."""
    score = score.contiguous()
    dtype = wide(score.dtype)
    top = _over_rows(rowptr, score, None, 'max', dtype)
    return _rescale(rowptr, score, top, _over_rows(rowptr, score, top, 'exp', dtype))


def segment_softmax_backward(rowptr: Tensor, out: Tensor, grad: Tensor) -> Tensor:
    """Gradient of :func:`segment_softmax` to its scores, from its result."""
    out, grad = dense(out, grad)
    inner = reduce_rows(
        *(rowptr, None, None, None, out, grad.unsqueeze(2), None),
        *('sum', wide(out.dtype)),
    )
    return _rescale(rowptr, out, inner, None, grad)


def _over_rows(
    rowptr: Tensor, src: Tensor, top: Tensor | None, reduce: str, dtype: torch.dtype
) -> Tensor:
    top = None if top is None else top.unsqueeze(1)
    message = src.unsqueeze(1)
    out = reduce_rows(rowptr, None, None, None, None, message, top, reduce, dtype)
    return out.squeeze(1)


def _rescale(
    rowptr: Tensor,
    src: Tensor,
    shift: Tensor,
    total: Tensor | None,
    grad: Tensor | None = None,
) -> Tensor:
    """``exp(src - shift) / total``, or ``src * (grad - shift)``, by the slot's row."""
    out = torch.empty_like(src)
    if out.numel() == 0:
        return out
    rows, (slots, width) = rowptr.numel() - 1, src.shape
    by_rows(
        *(_rescale_kernel, rows, slots, blocks(width, 1, src.dtype)),
        *(rowptr.contiguous(), src, shift, total, grad, out),
    )
    return out


@triton.jit(do_not_specialize=['rows', 'slots', 'pieces'])
def _rescale_kernel(
    rowptr,
    src,
    shift,
    total,
    grad,
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
    down = of_row(shift, row, h, h < H, H, ACC)
    if grad is None:
        whole = tl.load(total + row * H + h, mask=h < H, other=1).to(ACC)[None]
    for k0 in range(begin, end, BLOCK_K):
        k = k0 + tl.arange(0, BLOCK_K)
        number = of_heads(src, k, k < end, h, H, ACC)
        if grad is None:
            number = tl.exp(number - down) / whole
        else:
            number *= of_heads(grad, k, k < end, h, H, ACC) - down
        put_heads(out, k, k < end, h, number, H)
