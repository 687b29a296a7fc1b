from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_spmm, refuse_forward_mode
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.native import (
    native_call,
    new_output,
    one_type,
    sum_type,
    threads_for,
)
from graphsparse.kernels.pattern import Pattern
from graphsparse.kernels.sddmm import sddmm_op
from graphsparse.kernels.spmm_max import spmm_max_op


def spmm(
    pattern: Pattern,
    x: Tensor,
    value: Tensor | None = None,
    reduce: str = 'sum',
    keep: Tensor | None = None,
) -> Tensor:
    r"""Sparse times dense: :math:`y_i = \bigoplus_k v_k \, x_{col(k)}` over row i.

    Args:
        pattern: The non-zeros, with their transpose if gradients are wanted.
        x: Dense rows, ``[columns, features]`` or ``[columns, heads, features]``. Its
            type is the result's, unless it holds integers and ``value`` does not.
        value: The non-zeros' values, ``[slots]`` or ``[slots, heads]``; 1 if None.
        reduce: ``'sum'``, ``'mean'`` (of the row's non-zeros), ``'max'`` or ``'min'``.
        keep: A bit for each value, of :func:`pack_bits`. A non-zero whose bit is 0 is
            gone as if the pattern did not have it: a mean does not count it.

    Returns:
        ``[rows, features]`` or ``[rows, heads, features]``; 0 in empty rows. Slots
        that attain a maximum or minimum together share its gradient evenly. bfloat16
        is added up in float32.

    Raises:
        ValueError: If ``reduce`` is none of the four or a size does not fit.
    """
    if reduce not in ('sum', 'mean', 'max', 'min'):
        raise ValueError(
            f"reduce has to be 'sum', 'mean', 'max' or 'min' (got '{reduce}')"
        )
    check_spmm(pattern, x, value, keep)
    refuse_forward_mode(x, value)
    if value is not None and not x.is_floating_point():
        x = x.to(torch.result_type(x, value))
    heads = x if x.dim() == 3 else x.unsqueeze(1)
    if value is not None:
        value = (value if value.dim() == 2 else value.unsqueeze(1)).to(x.dtype)
        if value.size(1) != heads.size(1):
            value = value.expand(-1, heads.size(1))
    args = *pattern[:3], keep, value, heads, *pattern[3:]
    if reduce in ('max', 'min'):
        out = spmm_max_op(*args, reduce == 'max')
    else:
        out = spmm_op(*args, reduce == 'mean')
    return out if x.dim() == 3 else out.squeeze(1)


@custom_op('graphsparse::spmm', mutates_args=())
def spmm_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
    mean: bool,
) -> Tensor:
    """Sum or mean over heads; the transpose is only there for the gradient."""
    reduce = 'mean' if mean else 'sum'
    return reference.spmm(rowptr, col, perm, keep, value, x, reduce)


@spmm_op.register_kernel('cpu')
def _(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, mean):
    col, perm = one_type(col, perm)
    out = new_output(x, rowptr.numel() - 1, *x.shape[1:])
    _, heads, features = x.shape
    if native_call(
        'spmm_sum',
        (x.dtype, col.dtype),
        *(rowptr, col, perm, keep, value, x, out),
        *(out.size(0), heads, features, mean),
        threads_for(col.numel() * heads * features),
    ):
        return out
    reduce = 'mean' if mean else 'sum'
    return reference.spmm(rowptr, col, perm, keep, value, x, reduce)


@spmm_op.register_kernel('cuda')
def _spmm_cuda(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, mean):
    run = triton_kernels() or reference
    return run.spmm(rowptr, col, perm, keep, value, x, 'mean' if mean else 'sum')


@spmm_op.register_fake
def _(rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm, mean):
    return x.new_empty(rowptr.numel() - 1, *x.shape[1:])


def _spmm_setup(ctx, inputs, output) -> None:
    *tensors, ctx.mean = inputs
    ctx.save_for_backward(*tensors)


def _spmm_backward(ctx, grad: Tensor):
    rowptr, col, perm, keep, value, x, t_rowptr, t_col, t_perm = ctx.saved_tensors
    if ctx.mean:
        one = torch.ones(x.size(0), 1, 1, dtype=sum_type(x.dtype), device=x.device)
        count = spmm_op(rowptr, col, perm, keep, None, one, None, None, None, False)
        grad = grad / count.clamp(min=1).to(grad.dtype)
    to_value, to_x = ctx.needs_input_grad[4], ctx.needs_input_grad[5]
    if to_x and t_rowptr is None:
        raise ValueError('The gradient of spmm needs the pattern with a transpose.')
    grad_value = grad_x = None
    back = t_rowptr, t_col, t_perm, keep, value
    if to_value and to_x:
        grad_value, grad_x = spmm_backward_op(*back, x, grad, rowptr, col, perm)
    elif to_value:
        args = rowptr, col, perm, keep, grad, x, t_rowptr, t_col, t_perm
        grad_value = sddmm_op(*args)
    elif to_x:
        grad_x = spmm_op(*back, grad, rowptr, col, perm, False)
    return None, None, None, None, grad_value, grad_x, None, None, None, None


spmm_op.register_autograd(_spmm_backward, setup_context=_spmm_setup)


@custom_op('graphsparse::spmm_backward', mutates_args=())
def spmm_backward_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor,
    x: Tensor,
    grad: Tensor,
    t_rowptr: Tensor,
    t_col: Tensor,
    t_perm: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Gradients of a sum to its values and to x, over the transposed pattern."""
    return reference.spmm_backward(rowptr, col, perm, keep, value, x, grad)


@spmm_backward_op.register_kernel('cpu')
def _(rowptr, col, perm, keep, value, x, grad, t_rowptr, t_col, t_perm):
    col, perm = one_type(col, perm)
    # Of a wide row only parts of the dots are there at a time.
    grad_value = value.new_empty(value.shape, dtype=sum_type(value.dtype))
    grad_x = new_output(x, *x.shape)
    rows, heads, features = x.shape
    if features and native_call(
        'spmm_backward',
        (x.dtype, col.dtype),
        *(rowptr, col, perm, keep, value, x, grad, grad_value, grad_x),
        *(rows, heads, features),
        threads_for(2 * col.numel() * heads * features),
    ):
        return grad_value.to(value.dtype), grad_x
    return reference.spmm_backward(rowptr, col, perm, keep, value, x, grad)


@spmm_backward_op.register_kernel('cuda')
def _back_cuda(rowptr, col, perm, keep, value, x, grad, t_rowptr, t_col, t_perm):
    run = triton_kernels() or reference
    return run.spmm_backward(rowptr, col, perm, keep, value, x, grad)


@spmm_backward_op.register_fake
def _(rowptr, col, perm, keep, value, x, grad, t_rowptr, t_col, t_perm):
    return value.new_empty(value.shape), x.new_empty(x.shape)


def _back_setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _back_backward(ctx, to_value: Tensor, to_x: Tensor):
    rowptr, col, perm, keep, value, x, grad, t_rowptr, t_col, t_perm = ctx.saved_tensors
    here, there = (rowptr, col, perm), (t_rowptr, t_col, t_perm)
    again_value = again_x = again_grad = None
    if ctx.needs_input_grad[4]:
        again_value = sddmm_op(*here, keep, to_x, grad, *there)
    if ctx.needs_input_grad[5]:
        again_x = spmm_op(*here, keep, to_value, grad, *there, False)
    if ctx.needs_input_grad[6]:
        again_grad = spmm_op(*there, keep, to_value, x, *here, False)
        again_grad = again_grad + spmm_op(*there, keep, value, to_x, *here, False)
    return None, None, None, None, again_value, again_x, again_grad, None, None, None


spmm_backward_op.register_autograd(_back_backward, setup_context=_back_setup)
