from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import refuse_forward_mode
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.layout import invert
from graphsparse.kernels.native import native_call, threads_for
from graphsparse.kernels.pattern import Pattern
from graphsparse.kernels.sddmm import sddmm_op


def sparse_linear(x: Tensor, pattern: Pattern, value: Tensor) -> Tensor:
    r"""Dense rows times a sparse weight: :math:`y = x W^T`, for pruned weights.

    (The other way round, sparse features times a dense weight, is :func:`spmm`.)

    Args:
        x: ``[nodes, in_channels]``.
        pattern: The non-zeros of W ``[out_channels, in_channels]``, in slot order
            (no ``perm``), with their transpose.
        value: The non-zeros, ``[slots]``.

    Returns:
        ``[nodes, out_channels]``, of the type of x.

    Raises:
        ValueError: If a size does not fit, or the pattern is not such a one.
    """
    if pattern.t_rowptr is None or pattern.perm is not None:
        raise ValueError('A weight takes a pattern in slot order, with a transpose.')
    in_channels = pattern.t_rowptr.numel() - 1
    if x.dim() != 2 or x.size(1) != in_channels:
        raise ValueError(
            f'x has to be [nodes, {in_channels}] (got shape {list(x.shape)}).'
        )
    if value.shape != pattern.col.shape:
        raise ValueError(
            f'value has to hold one number for each of the {pattern.col.numel()} '
            f'slots (got shape {list(value.shape)}).'
        )
    refuse_forward_mode(x, value)
    back = pattern.t_rowptr, pattern.t_col, pattern.t_perm
    return sparse_linear_op(*pattern[:2], value.to(x.dtype), x, *back)


@custom_op('graphsparse::sparse_linear', mutates_args=())
def sparse_linear_op(
    rowptr: Tensor,
    col: Tensor,
    value: Tensor,
    x: Tensor,
    t_rowptr: Tensor,
    t_col: Tensor,
    t_perm: Tensor,
) -> Tensor:
    """Product with the transpose of a CSR; its transpose is there for the gradient."""
    return reference.sparse_linear(rowptr, col, value, x)


@sparse_linear_op.register_kernel('cpu')
def _(rowptr, col, value, x, t_rowptr, t_col, t_perm):
    nodes, rows = x.size(0), rowptr.numel() - 1
    wide = x.float() if x.dtype == torch.bfloat16 else x
    out = wide.new_empty(nodes, rows)
    if native_call(
        'sparse_linear',
        (wide.dtype, col.dtype),
        *(rowptr, col, value.to(wide.dtype), wide, out, nodes, rows, x.size(1)),
        threads_for(nodes * (col.numel() + rows + x.size(1)) // 8),
    ):
        return out.to(x.dtype)
    return reference.sparse_linear(rowptr, col, value, x)


@sparse_linear_op.register_kernel('cuda')
def _linear_cuda(rowptr, col, value, x, t_rowptr, t_col, t_perm):
    run = triton_kernels() or reference
    return run.sparse_linear(rowptr, col, value, x).contiguous()


@sparse_linear_op.register_fake
def _(rowptr, col, value, x, t_rowptr, t_col, t_perm):
    return x.new_empty(x.size(0), rowptr.numel() - 1)


def _setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor):
    rowptr, col, value, x, t_rowptr, t_col, t_perm = ctx.saved_tensors
    grad_value = grad_x = None
    if ctx.needs_input_grad[2]:
        # Over nodes, so both operands are turned.
        turned = grad.t().unsqueeze(1), x.t().unsqueeze(1)
        back = t_rowptr, t_col, t_perm
        grad_value = sddmm_op(rowptr, col, None, None, *turned, *back).squeeze(1)
    if ctx.needs_input_grad[3]:
        by_column = value.index_select(0, t_perm.long())
        back = rowptr, col, invert(t_perm)
        grad_x = sparse_linear_op(t_rowptr, t_col, by_column, grad, *back)
    return None, None, grad_value, grad_x, None, None, None


sparse_linear_op.register_autograd(_backward, setup_context=_setup)
