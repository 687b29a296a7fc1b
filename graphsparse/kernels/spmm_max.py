from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.native import run_by_slot
from graphsparse.kernels.pattern import row_ids

_CHUNK = 2**22  # numbers that the gradient holds at once


@custom_op('graphsparse::spmm_max', mutates_args=())
def spmm_max_op(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, value: Tensor | None, x: Tensor
) -> Tensor:
    """Largest product over heads; 0 in empty rows."""
    return reference.spmm_max(rowptr, col, perm, value, x)


@spmm_max_op.register_kernel('cpu')
def _(rowptr, col, perm, value, x):
    out = x.new_empty(rowptr.numel() - 1, *x.shape[1:])
    if run_by_slot('spmm_max', rowptr, col, perm, value, x, out):
        return out
    return reference.spmm_max(rowptr, col, perm, value, x)


@spmm_max_op.register_fake
def _(rowptr, col, perm, value, x):
    return x.new_empty(rowptr.numel() - 1, *x.shape[1:])


def _setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs, output)
    # Features taken at a time, so that never a number for every slot and feature is.
    _, col, _, _, x = inputs
    ctx.width = max(1, _CHUNK // max(1, col.numel() * x.size(1)))


def _backward(ctx, grad: Tensor):
    rowptr, col, perm, value, x, out = ctx.saved_tensors
    row, source = row_ids(rowptr, col.numel()), col.long()
    by_slot = value if value is None or perm is None else value[perm]
    parts, grad_slot = [], None
    for x_part, top, grad_part in zip(
        *(t.split(ctx.width, -1) for t in (x, out, grad)), strict=True
    ):
        feature = x_part[source]
        message = feature if by_slot is None else feature * by_slot.unsqueeze(-1)
        attains = (message == top[row]).to(x.dtype)
        ties = torch.zeros_like(top).index_add(0, row, attains).clamp(min=1)
        share = attains * (grad_part / ties)[row]
        if by_slot is not None:
            part = (share * feature).sum(-1)
            grad_slot = part if grad_slot is None else grad_slot + part
            share = share * by_slot.unsqueeze(-1)
        parts.append(torch.zeros_like(x_part).index_add(0, source, share))
    grad_value = None
    if value is not None:
        grad_value = torch.zeros_like(value) if grad_slot is None else grad_slot
        if perm is not None:
            grad_value = torch.zeros_like(value).index_copy(0, perm.long(), grad_value)
    grad_x = torch.cat(parts, -1) if parts else torch.zeros_like(x)
    return None, None, None, grad_value, grad_x


spmm_max_op.register_autograd(_backward, setup_context=_setup)
