from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_ends, check_segment, refuse_forward_mode
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.native import native_call, threads_for
from graphsparse.kernels.pattern import row_ids


def segment_reduce(rowptr: Tensor, src: Tensor, reduce: str = 'sum') -> Tensor:
    """Reduce ``src`` over the slots of each row.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        src: ``[slots]`` or ``[slots, width]``, in slot order.
        reduce: ``'sum'``, ``'mean'``, ``'max'`` or ``'min'``.

    Returns:
        ``[rows]`` or ``[rows, width]``; 0 in empty rows. Slots that attain a
        maximum or minimum together share its gradient evenly.

    Raises:
        ValueError: If ``reduce`` is none of the four or a size does not fit.
    """
    if reduce not in ('sum', 'mean', 'max', 'min'):
        raise ValueError(
            f"reduce has to be 'sum', 'mean', 'max' or 'min' (got '{reduce}')"
        )
    check_segment(src)
    refuse_forward_mode(src)
    wide = src if src.dim() == 2 else src.unsqueeze(1)
    out = segment_reduce_op(rowptr, wide, reduce)
    return out if src.dim() == 2 else out.squeeze(1)


@custom_op('graphsparse::segment_reduce', mutates_args=())
def segment_reduce_op(rowptr: Tensor, src: Tensor, reduce: str) -> Tensor:
    """Reduction of ``[slots, width]`` over rows."""
    return reference.segment_reduce(rowptr, src, reduce)


@segment_reduce_op.register_kernel('cpu')
def _(rowptr, src, reduce):
    check_ends(rowptr, src)
    out = src.new_empty(rowptr.numel() - 1, src.size(1))
    number = ('sum', 'mean', 'max', 'min').index(reduce)
    sizes = out.size(0), out.size(1), number, threads_for(src.numel())
    if native_call('segment_reduce', (src.dtype,), rowptr, src, out, *sizes):
        return out
    return reference.segment_reduce(rowptr, src, reduce)


@segment_reduce_op.register_kernel('cuda')
def _reduce_cuda(rowptr, src, reduce):
    return (triton_kernels() or reference).segment_reduce(rowptr, src, reduce)


@segment_reduce_op.register_fake
def _(rowptr, src, reduce):
    return src.new_empty(rowptr.numel() - 1, src.size(1))


def _reduce_setup(ctx, inputs, output) -> None:
    rowptr, src, ctx.reduce = inputs
    extreme = ctx.reduce in ('max', 'min')
    ctx.save_for_backward(rowptr, *((src, output) if extreme else ()))
    ctx.num_slots = src.size(0)


def _reduce_backward(ctx, grad: Tensor):
    rowptr, *extreme = ctx.saved_tensors
    row = row_ids(rowptr, ctx.num_slots)
    if extreme:
        src, out = extreme
        attains = (src == out.index_select(0, row)).to(grad.dtype)
        ties = segment_reduce_op(rowptr, attains, 'sum').clamp(min=1)
        return None, (grad / ties).index_select(0, row) * attains, None
    if ctx.reduce == 'mean':
        grad = grad / rowptr.diff().clamp(min=1).unsqueeze(-1).to(grad.dtype)
    return None, grad.index_select(0, row), None


segment_reduce_op.register_autograd(_reduce_backward, setup_context=_reduce_setup)


def segment_softmax(rowptr: Tensor, score: Tensor) -> Tensor:
    """Softmax within each row.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        score: ``[slots]`` or ``[slots, heads]``, in slot order.

    Returns:
        Positive numbers of the shape of ``score`` that sum to 1 over each row.

    Raises:
        ValueError: If a size does not fit.
    """
    check_segment(score)
    refuse_forward_mode(score)
    wide = score if score.dim() == 2 else score.unsqueeze(1)
    out = segment_softmax_op(rowptr, wide)
    return out if score.dim() == 2 else out.squeeze(1)


@custom_op('graphsparse::segment_softmax', mutates_args=())
def segment_softmax_op(rowptr: Tensor, score: Tensor) -> Tensor:
    """Softmax of ``[slots, heads]`` within rows."""
    return reference.segment_softmax(rowptr, score)


@segment_softmax_op.register_kernel('cpu')
def _(rowptr, score):
    check_ends(rowptr, score)
    out = torch.empty(score.shape, dtype=score.dtype)
    sizes = rowptr.numel() - 1, score.size(1), threads_for(score.numel())
    if native_call('segment_softmax', (score.dtype,), rowptr, score, out, *sizes):
        return out
    return reference.segment_softmax(rowptr, score)


@segment_softmax_op.register_kernel('cuda')
def _softmax_cuda(rowptr, score):
    return (triton_kernels() or reference).segment_softmax(rowptr, score)


@segment_softmax_op.register_fake
def _(rowptr, score):
    return score.new_empty(score.shape)


def _softmax_setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(inputs[0], output)


def _softmax_backward(ctx, grad: Tensor):
    return None, softmax_backward_op(*ctx.saved_tensors, grad)


segment_softmax_op.register_autograd(_softmax_backward, setup_context=_softmax_setup)


@custom_op('graphsparse::segment_softmax_backward', mutates_args=())
def softmax_backward_op(rowptr: Tensor, out: Tensor, grad: Tensor) -> Tensor:
    """``out * (grad - sum of out * grad over the row)``."""
    return reference.segment_softmax_backward(rowptr, out, grad)


@softmax_backward_op.register_kernel('cpu')
def _(rowptr, out, grad):
    result = torch.empty(out.shape, dtype=out.dtype)
    args = rowptr, out, grad, result
    sizes = rowptr.numel() - 1, out.size(1), threads_for(out.numel())
    if native_call('segment_softmax_backward', (out.dtype,), *args, *sizes):
        return result
    return reference.segment_softmax_backward(rowptr, out, grad)


@softmax_backward_op.register_kernel('cuda')
def _softmax_back_cuda(rowptr, out, grad):
    run = triton_kernels() or reference
    return run.segment_softmax_backward(rowptr, out, grad)


@softmax_backward_op.register_fake
def _(rowptr, out, grad):
    return out.new_empty(out.shape)


def _again_setup(ctx, inputs, output) -> None:
    ctx.save_for_backward(*inputs)


def _again_backward(ctx, to_score: Tensor):
    rowptr, out, grad = ctx.saved_tensors
    row = row_ids(rowptr, out.size(0))
    inner = segment_reduce_op(rowptr, out * grad, 'sum').index_select(0, row)
    to_inner = -segment_reduce_op(rowptr, out * to_score, 'sum').index_select(0, row)
    to_out = to_score * (grad - inner) + to_inner * grad
    return None, to_out, out * (to_score + to_inner)


softmax_backward_op.register_autograd(_again_backward, setup_context=_again_setup)
