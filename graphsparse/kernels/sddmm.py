from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_sddmm, refuse_forward_mode
from graphsparse.kernels.native import run_by_slot
from graphsparse.kernels.pattern import Pattern


def sddmm(pattern: Pattern, a: Tensor, b: Tensor) -> Tensor:
    r"""Dense times dense, only where the pattern has a non-zero.

    :math:`v_k = \langle a_{row(k)}, b_{col(k)} \rangle`

    Args:
        pattern: The non-zeros, with their transpose if gradients are wanted.
        a: ``[rows, features]`` or ``[rows, heads, features]``.
        b: ``[columns, features]`` or ``[columns, heads, features]``.

    Returns:
        Values ``[slots]`` or ``[slots, heads]``, of the wider type of the two.

    Raises:
        ValueError: If a size does not fit.
    """
    check_sddmm(pattern, a, b)
    refuse_forward_mode(a, b)
    dtype = torch.promote_types(a.dtype, b.dtype)
    a, b = a.to(dtype), b.to(dtype)
    if a.dim() == 3:
        return sddmm_op(*pattern[:3], a, b, *pattern[3:])
    out = sddmm_op(*pattern[:3], a.unsqueeze(1), b.unsqueeze(1), *pattern[3:])
    return out.squeeze(1)


@custom_op('graphsparse::sddmm', mutates_args=())
def sddmm_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    a: Tensor,
    b: Tensor,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
) -> Tensor:
    """Sampled product over heads; the transpose is only there for the gradient."""
    return reference.sddmm(rowptr, col, perm, a, b)


@sddmm_op.register_kernel('cpu')
def _(rowptr, col, perm, a, b, t_rowptr, t_col, t_perm):
    out = a.new_empty(col.numel(), a.size(1))
    if run_by_slot('sddmm', rowptr, col, perm, a, b, out):
        return out
    return reference.sddmm(rowptr, col, perm, a, b)


@sddmm_op.register_fake
def _(rowptr, col, perm, a, b, t_rowptr, t_col, t_perm):
    return a.new_empty(col.numel(), a.size(1))


def _setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _backward(ctx, grad: Tensor):
    spmm_op = torch.ops.graphsparse.spmm  # the two are each other's gradient
    rowptr, col, perm, a, b, t_rowptr, t_col, t_perm = ctx.saved_tensors
    grad_a = grad_b = None
    if ctx.needs_input_grad[3]:
        grad_a = spmm_op(rowptr, col, perm, grad, b, t_rowptr, t_col, t_perm)
    if ctx.needs_input_grad[4]:
        if t_rowptr is None:
            raise ValueError('The gradient of sddmm needs a pattern with a transpose.')
        grad_b = spmm_op(t_rowptr, t_col, t_perm, grad, a, rowptr, col, perm)
    return None, None, None, grad_a, grad_b, None, None, None


sddmm_op.register_autograd(_backward, setup_context=_setup)
