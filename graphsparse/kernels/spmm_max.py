from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.native import (
    native_call,
    new_output,
    one_type,
    sum_type,
    threads_for,
)


@custom_op('graphsparse::spmm_max', mutates_args=())
def spmm_max_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
    largest: bool,
) -> Tensor:
    """Largest or smallest product over heads; 0 in empty rows."""
    reduce = 'max' if largest else 'min'
    return reference.spmm(rowptr, col, perm, keep, value, x, reduce)


@spmm_max_op.register_kernel('cpu')
def _(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, largest):
    col, perm = one_type(col, perm)
    out = new_output(x, rowptr.numel() - 1, *x.shape[1:])
    _, heads, features = x.shape
    if native_call(
        'spmm_max',
        (x.dtype, col.dtype),
        *(rowptr, col, perm, keep, value, x, out),
        *(out.size(0), heads, features, largest),
        threads_for(col.numel() * heads * features),
    ):
        return out
    reduce = 'max' if largest else 'min'
    return reference.spmm(rowptr, col, perm, keep, value, x, reduce)


@spmm_max_op.register_kernel('cuda')
def _max_cuda(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, largest):
    run = triton_kernels() or reference
    return run.spmm(rowptr, col, perm, keep, value, x, 'max' if largest else 'min')


@spmm_max_op.register_fake
def _(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, largest):
    return x.new_empty(rowptr.numel() - 1, *x.shape[1:])


def _setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs[:-1], output)


def _backward(ctx, grad: Tensor):
    rowptr, col, perm, keep, value, x, *back, out = ctx.saved_tensors
    args = rowptr, col, perm, keep, value, x, out, grad
    if torch.is_grad_enabled() or back[0] is None:
        # Of a gradient that is to have one itself, every step is needed.
        grad_value, grad_x = reference.spmm_max_backward(*args)
    else:
        grad_value, grad_x = spmm_max_backward_op(*args, *back)
    to_value = None if value is None else grad_value
    return None, None, None, None, to_value, grad_x, None, None, None, None


spmm_max_op.register_autograd(_backward, setup_context=_setup)


@custom_op('graphsparse::spmm_max_backward', mutates_args=())
def spmm_max_backward_op(
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
) -> tuple[Tensor, Tensor]:
    """Gradients of an extreme to values (empty if there are none) and x."""
    return reference.spmm_max_backward(rowptr, col, perm, keep, value, x, out, grad)


@spmm_max_backward_op.register_kernel('cpu')
def _(rowptr, col, perm, keep, value, x, out, grad, t_rowptr, t_col, t_perm):
    col, perm, t_col, t_perm = one_type(col, perm, t_col, t_perm)
    kind, (_, heads, features) = (x.dtype, col.dtype), x.shape
    size, wide = (heads, features), sum_type(x.dtype)
    threads = threads_for(2 * col.numel() * heads * features)
    share, grad_x = new_output(out, *out.shape), new_output(x, *x.shape, dtype=wide)
    grad_value = x.new_empty((0,) if value is None else value.shape, dtype=wide)
    if not native_call(
        'spmm_max_shares',
        kind,
        *(rowptr, col, perm, keep, value, x, out, grad, share),
        *(out.size(0), *size, threads),
    ):
        args = rowptr, col, perm, keep, value, x, out, grad
        return reference.spmm_max_backward(*args)
    native_call(
        'spmm_max_backward',
        kind,
        *(t_rowptr, t_col, t_perm, keep, value, x, out, share),
        *(None if value is None else grad_value, grad_x, x.size(0), *size, threads),
    )
    return grad_value.to(x.dtype), grad_x.to(x.dtype)


@spmm_max_backward_op.register_kernel('cuda')
def _back_cuda(rowptr, col, perm, keep, value, x, out, grad, t_rowptr, t_col, t_perm):
    args = rowptr, col, perm, keep, value, x, out, grad
    triton = triton_kernels()
    if triton is None:
        return reference.spmm_max_backward(*args)
    grad_value, grad_x = triton.spmm_max_backward(*args, t_rowptr, t_col, t_perm)
    return x.new_empty(0) if grad_value is None else grad_value, grad_x


@spmm_max_backward_op.register_fake
def _(rowptr, col, perm, keep, value, x, out, grad, t_rowptr, t_col, t_perm):
    return x.new_empty((0,) if value is None else value.shape), x.new_empty(x.shape)
