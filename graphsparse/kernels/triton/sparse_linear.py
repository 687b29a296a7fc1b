"""A dense matrix times a sparse weight."""

from __future__ import annotations

import torch
import triton
import triton.language as tl
from torch import Tensor

from graphsparse.kernels.triton.launch import dense

_ROWS = 16  # of the weight, one after another: they read the same nodes from the cache


def sparse_linear(rowptr: Tensor, col: Tensor, value: Tensor, x: Tensor) -> Tensor:
    """As :func:`reference.sparse_linear`, ``[nodes, rows]`` with the nodes innermost.

    Its gradients are other ops on transposed operands: ``spmm`` over the transposed
    weight for x, ``sddmm`` of gradient and x, both with nodes for features, for values.
    A layer that follows finds the nodes innermost already, and copies nothing.
    """
    rowptr, col, value, x_t = dense(rowptr, col, value, x.t())
    rows, nodes = rowptr.numel() - 1, x.size(0)
    out = x.new_empty(rows, nodes)
    if out.numel() == 0:
        return out.t()
    width, groups = 512 // x.element_size(), triton.cdiv(rows, _ROWS)
    with torch.cuda.device_of(x):
        _linear_kernel[(groups * triton.cdiv(nodes, width),)](
            *(rowptr, col, value, x_t, out, rows, nodes, groups),
            ACC=tl.float64 if x.dtype == torch.float64 else tl.float32,
            ROWS=_ROWS,
            BLOCK_K=8,
            BLOCK_N=width,
            num_warps=1,
        )
    return out.t()


@triton.jit(do_not_specialize=['rows', 'groups'])
def _linear_kernel(
    rowptr,
    col,
    value,
    x,
    out,
    rows,
    nodes,
    groups,
    ACC: tl.constexpr,
    ROWS: tl.constexpr,
    BLOCK_K: tl.constexpr,
    BLOCK_N: tl.constexpr,
):
    # Programs that run together take the same nodes, which the cache then holds once.
    number = tl.program_id(0).to(tl.int64)
    first = number % groups * ROWS
    node = number // groups * BLOCK_N + tl.arange(0, BLOCK_N)
    for row in range(first, tl.minimum(first + ROWS, rows)):
        end = tl.load(rowptr + row + 1)
        acc = tl.zeros((BLOCK_K, BLOCK_N), ACC)
        for k0 in range(tl.load(rowptr + row), end, BLOCK_K):
            k = k0 + tl.arange(0, BLOCK_K)
            source = tl.load(col + k, mask=k < end, other=0).to(tl.int64)
            weight = tl.load(value + k, mask=k < end, other=0).to(ACC)
            here = (k < end)[:, None] & (node < nodes)[None, :]
            at = x + source[:, None] * nodes + node[None, :]
            acc += weight[:, None] * tl.load(at, mask=here, other=0).to(ACC)
        tl.store(out + row * nodes + node, tl.sum(acc, 0), mask=node < nodes)
