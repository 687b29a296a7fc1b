from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_spmm, refuse_forward_mode
from graphsparse.kernels.native import run_by_slot
from graphsparse.kernels.pattern import Pattern
from graphsparse.kernels.sddmm import sddmm_op
from graphsparse.kernels.spmm_max import spmm_max_op


def spmm(
    pattern: Pattern, x: Tensor, value: Tensor | None = None, reduce: str = 'sum'
) -> Tensor:
    r"""Sparse times dense: :math:`y_i = \bigoplus_k v_k \, x_{col(k)}` over row i.

    Args:
        pattern: The non-zeros, with their transpose if gradients are wanted.
        x: Dense rows, ``[columns, features]`` or ``[columns, heads, features]``. Its
            type is the result's, unless it holds integers and ``value`` does not.
        value: The non-zeros' values, ``[slots]`` or ``[slots, heads]``; 1 if None.
        reduce: ``'sum'``, ``'mean'`` (of the row's non-zeros), ``'max'`` or ``'min'``.

    Returns:
        ``[rows, features]`` or ``[rows, heads, features]``; 0 in empty rows. Slots
        that attain a maximum or minimum together share its gradient evenly.

    Raises:
        ValueError: If ``reduce`` is none of the four or a size does not fit.
    """
    check_spmm(pattern, x, value)
    refuse_forward_mode(x, value)
    if value is not None and not x.is_floating_point():
        x = x.to(torch.result_type(x, value))
    heads = x if x.dim() == 3 else x.unsqueeze(1)
    if value is not None:
        value = (value if value.dim() == 2 else value.unsqueeze(1)).to(x.dtype)
        if value.size(1) != heads.size(1):
            value = value.expand(-1, heads.size(1))
    if reduce in ('sum', 'mean'):
        out = spmm_op(*pattern[:3], value, heads, *pattern[3:])
        if reduce == 'mean':
            count = pattern.rowptr.diff().clamp(min=1).to(x.dtype)
            out = out / count.view(-1, 1, 1)
    elif reduce == 'max':
        out = spmm_max_op(*pattern[:3], value, heads)
    elif reduce == 'min':
        out = -spmm_max_op(*pattern[:3], value, -heads)
    else:
        raise ValueError(
            f"reduce has to be 'sum', 'mean', 'max' or 'min' (got '{reduce}')"
        )
    return out if x.dim() == 3 else out.squeeze(1)


@custom_op('graphsparse::spmm', mutates_args=())
def spmm_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
) -> Tensor:
    """Summed product over heads; the transpose is only there for the gradient."""
    return reference.spmm_sum(rowptr, col, perm, value, x)


@spmm_op.register_kernel('cpu')
def _(rowptr, col, perm, value, x, t_rowptr, t_col, t_perm):
    out = x.new_empty(rowptr.numel() - 1, *x.shape[1:])
    if run_by_slot('spmm_sum', rowptr, col, perm, value, x, out):
        return out
    return reference.spmm_sum(rowptr, col, perm, value, x)


@spmm_op.register_fake
def _(rowptr, col, perm, value, x, t_rowptr, t_col, t_perm):
    return x.new_empty(rowptr.numel() - 1, *x.shape[1:])


def _spmm_setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _spmm_backward(ctx, grad: Tensor):
    rowptr, col, perm, value, x, t_rowptr, t_col, t_perm = ctx.saved_tensors
    grad_value = grad_x = None
    if value is not None and ctx.needs_input_grad[3]:
        grad_value = sddmm_op(rowptr, col, perm, grad, x, t_rowptr, t_col, t_perm)
    if ctx.needs_input_grad[4]:
        if t_rowptr is None:
            raise ValueError('The gradient of spmm needs the pattern with a transpose.')
        grad_x = spmm_op(t_rowptr, t_col, t_perm, value, grad, rowptr, col, perm)
    return None, None, None, grad_value, grad_x, None, None, None


spmm_op.register_autograd(_spmm_backward, setup_context=_spmm_setup)
