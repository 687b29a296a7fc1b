from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_sddmm, refuse_forward_mode
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.native import native_call, one_type, sum_type, threads_for
from graphsparse.kernels.pattern import Pattern


def sddmm(pattern: Pattern, a: Tensor, b: Tensor, op: str = 'dot') -> Tensor:
    r"""Dense with dense, only where the pattern has a non-zero.

    :math:`v_k = \langle a_{row(k)}, b_{col(k)} \rangle`, or with ``op='add'``
    :math:`v_k = a_{row(k)} + b_{col(k)}`.

    Args:
        pattern: The non-zeros, with their transpose if gradients are wanted.
        a: ``[rows, features]`` or ``[rows, heads, features]``; to add, ``[rows]`` or
            ``[rows, heads]``.
        b: The same for the columns.
        op: ``'dot'`` or ``'add'``.

    Returns:
        Values ``[slots]`` or ``[slots, heads]``, of the wider type of the two.

    Raises:
        ValueError: If ``op`` is none of the two or a size does not fit.
    """
    if op not in ('dot', 'add'):
        raise ValueError(f"op has to be 'dot' or 'add' (got '{op}')")
    check_sddmm(pattern, a, b, dims=(2, 3) if op == 'dot' else (1, 2))
    refuse_forward_mode(a, b)
    dtype = torch.promote_types(a.dtype, b.dtype)
    a, b = a.to(dtype), b.to(dtype)
    by_head = a.dim() == (3 if op == 'dot' else 2)
    if not by_head:
        a, b = a.unsqueeze(1), b.unsqueeze(1)
    if op == 'dot':
        out = sddmm_op(*pattern[:3], None, a, b, *pattern[3:])
    else:
        out = sddmm_add_op(*pattern[:3], a, b, *pattern[3:])
    return out if by_head else out.squeeze(1)


@custom_op('graphsparse::sddmm', mutates_args=())
def sddmm_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    a: Tensor,
    b: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
) -> Tensor:
    """Dot products over heads; the transpose is only there for the gradient."""
    return reference.sddmm(rowptr, col, perm, keep, a, b)


@sddmm_op.register_kernel('cpu')
def _(rowptr, col, perm, keep, a, b, t_rowptr, t_col, t_perm):
    col, perm = one_type(col, perm)
    _, heads, features = a.shape
    # Of a wide row only parts of the dots are there at a time.
    out = a.new_empty(col.numel(), heads, dtype=sum_type(a.dtype))
    if features and native_call(
        'sddmm',
        (a.dtype, col.dtype),
        *(rowptr, col, perm, keep, a, b, out),
        *(rowptr.numel() - 1, heads, features),
        threads_for(col.numel() * heads * features),
    ):
        return out.to(a.dtype)
    return reference.sddmm(rowptr, col, perm, keep, a, b)


@sddmm_op.register_kernel('cuda')
def _dot_cuda(rowptr, col, perm, keep, a, b, t_rowptr, t_col, t_perm):
    return (triton_kernels() or reference).sddmm(rowptr, col, perm, keep, a, b)


@sddmm_op.register_fake
def _(rowptr, col, perm, keep, a, b, t_rowptr, t_col, t_perm):
    return a.new_empty(col.numel(), a.size(1))


def _setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor):
    spmm_op = torch.ops.graphsparse.spmm  # the two are each other's gradient
    rowptr, col, perm, keep, a, b, t_rowptr, t_col, t_perm = ctx.saved_tensors
    here, there = (rowptr, col, perm), (t_rowptr, t_col, t_perm)
    grad_a = grad_b = None
    if ctx.needs_input_grad[4]:
        grad_a = spmm_op(*here, keep, grad, b, *there, False)
    if ctx.needs_input_grad[5]:
        if t_rowptr is None:
            raise ValueError('The gradient of sddmm needs a pattern with a transpose.')
        grad_b = spmm_op(*there, keep, grad, a, *here, False)
    return None, None, None, None, grad_a, grad_b, None, None, None


sddmm_op.register_autograd(_backward, setup_context=_setup)


@custom_op('graphsparse::sddmm_add', mutates_args=())
def sddmm_add_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    a: Tensor,
    b: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
) -> Tensor:
    """Sums of ``[rows, heads]`` and ``[columns, heads]`` at the non-zeros."""
    return reference.sddmm_add(rowptr, col, perm, a, b)


@sddmm_add_op.register_kernel('cpu')
def _(rowptr, col, perm, a, b, t_rowptr, t_col, t_perm):
    col, perm = one_type(col, perm)
    out = a.new_empty(col.numel(), a.size(1))
    if native_call(
        'sddmm_add',
        (a.dtype, col.dtype),
        *(rowptr, col, perm, a, b, out),
        *(a.size(0), a.size(1), threads_for(out.numel())),
    ):
        return out
    return reference.sddmm_add(rowptr, col, perm, a, b)


@sddmm_add_op.register_kernel('cuda')
def _add_cuda(rowptr, col, perm, a, b, t_rowptr, t_col, t_perm):
    return (triton_kernels() or reference).sddmm_add(rowptr, col, perm, a, b)


@sddmm_add_op.register_fake
def _(rowptr, col, perm, a, b, t_rowptr, t_col, t_perm):
    return a.new_empty(col.numel(), a.size(1))


def _add_setup(ctx, inputs, output) -> None:
    rowptr, col, perm, _, b, *back = inputs
    ctx.save_for_backward(rowptr, col, perm, *back)
    ctx.num_cols = b.size(0)


def _add_backward(ctx, grad: Tensor):
    spmm_op = torch.ops.graphsparse.spmm
    rowptr, col, perm, t_rowptr, t_col, t_perm = ctx.saved_tensors
    here, there = (rowptr, col, perm), (t_rowptr, t_col, t_perm)
    grad_a = grad_b = None
    if ctx.needs_input_grad[3]:
        one = grad.new_ones(ctx.num_cols, grad.size(1), 1)
        grad_a = spmm_op(*here, None, grad, one, *there, False).squeeze(-1)
    if ctx.needs_input_grad[4]:
        if t_rowptr is None:
            raise ValueError('The gradient of sddmm needs a pattern with a transpose.')
        one = grad.new_ones(rowptr.numel() - 1, grad.size(1), 1)
        grad_b = spmm_op(*there, None, grad, one, *here, False).squeeze(-1)
    return None, None, None, grad_a, grad_b, None, None, None


sddmm_add_op.register_autograd(_add_backward, setup_context=_add_setup)
