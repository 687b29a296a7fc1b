from __future__ import annotations

import torch
from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.check import check_gat, refuse_forward_mode
from graphsparse.kernels.gpu import triton_kernels
from graphsparse.kernels.native import (
    native_call,
    new_output,
    one_type,
    sum_type,
    threads_for,
)
from graphsparse.kernels.pattern import Pattern


def gat_aggregate(
    pattern: Pattern,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None = None,
    negative_slope: float = 0.2,
    dropout: float = 0.0,
    seed: Tensor | None = None,
) -> Tensor:
    r"""Graph attention in one pass over the non-zeros (Velickovic et al. 2018).

    :math:`y_i = \sum_k d_k \alpha_k x_{col(k)}` with :math:`\alpha` the softmax over
    row i of :math:`\mathrm{LeakyReLU}(t_i + s_{col(k)})`. Nothing of the size of
    slots x heads x features is held, and of slots x heads only one gradient: shares
    are made again in the backward pass.

    Args:
        pattern: The non-zeros, with their transpose if gradients are wanted.
        x: ``[columns, heads, features]``.
        source: s, ``[columns, heads]``.
        target: t, ``[rows, heads]``.
        mask: Soft mask m, one number in [0, 1] for each value of the pattern: the
            share becomes :math:`m_k e^{s_k} / \sum m e^s`, 0 where m is 0.
        negative_slope: Of the LeakyReLU.
        dropout: Probability that a share is set to 0; the others are divided by
            ``1 - dropout`` after the softmax.
        seed: int64 scalar, needed for dropout. The fate of a share is a function of
            seed, value and head: the same on any number of threads.

    Returns:
        ``[rows, heads, features]``; 0 in rows where nothing counts.

    Raises:
        ValueError: If a size does not fit, ``dropout`` is no probability or lacks its
            seed.
    """
    check_gat(pattern, x, source, target, mask, dropout, seed)
    refuse_forward_mode(x, source, target, mask)
    # Scores are few beside features: they keep their precision.
    wide = sum_type(x.dtype)
    source, target = source.to(wide), target.to(wide)
    mask = None if mask is None else mask.to(wide)
    seed = seed if dropout else None
    out, _ = gat_op(
        *pattern[:3],
        *(x, source, target, mask, seed),
        *pattern[3:],
        *(float(negative_slope), float(dropout)),
    )
    return out


@custom_op('graphsparse::gat_aggregate', mutates_args=())
def gat_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    seed: Tensor | None,
    t_rowptr: Tensor | None,
    t_col: Tensor | None,
    t_perm: Tensor | None,
    negative_slope: float,
    dropout: float,
) -> tuple[Tensor, Tensor]:
    """Attention, and the log of its denominator for the gradient."""
    scores = x, source, target, mask, negative_slope, dropout, seed
    return reference.gat_aggregate(rowptr, col, perm, *scores)


@gat_op.register_kernel('cpu')
def _(rowptr, col, perm, x, source, target, mask, seed, t_r, t_c, t_p, slope, dropout):
    col, perm = one_type(col, perm)
    out = new_output(x, rowptr.numel() - 1, *x.shape[1:])
    log_total = target.new_empty(target.shape)
    _, heads, features = x.shape
    if native_call(
        'gat_aggregate',
        (x.dtype, col.dtype),
        *(rowptr, col, perm, x, source, target, mask, out, log_total),
        *(out.size(0), heads, features, slope, dropout, _number(seed)),
        threads_for(col.numel() * heads * features),
    ):
        return out, log_total
    scores = x, source, target, mask, slope, dropout, seed
    return reference.gat_aggregate(rowptr, col, perm, *scores)


@gat_op.register_kernel('cuda')
def _gat_cuda(
    rowptr, col, perm, x, source, target, mask, seed, t_r, t_c, t_p, slope, dropout
):
    scores = x, source, target, mask, slope, dropout, seed
    run = triton_kernels() or reference
    return run.gat_aggregate(rowptr, col, perm, *scores)


@gat_op.register_fake
def _(rowptr, col, perm, x, source, target, mask, seed, t_r, t_c, t_p, slope, dropout):
    return x.new_empty(target.size(0), *x.shape[1:]), target.new_empty(target.shape)


def _number(seed: Tensor | None) -> int:
    return 0 if seed is None else int(seed)


def _setup(ctx, inputs, output) -> None:
    *tensors, ctx.slope, ctx.dropout = inputs
    ctx.save_for_backward(*tensors, *output)
    ctx.mark_non_differentiable(output[1])


def _backward(ctx, grad: Tensor, _):
    rowptr, col, perm, x, source, target, mask, seed = ctx.saved_tensors[:8]
    *back, out, log_total = ctx.saved_tensors[8:]
    if back[0] is None:
        raise ValueError('The gradient of attention needs a pattern with a transpose.')
    options = ctx.slope, ctx.dropout
    if torch.is_grad_enabled():
        # Of a gradient that is to have one itself, every step is needed.
        scores = x, source, target, mask, *options, seed
        grads = reference.gat_backward(rowptr, col, perm, *scores, grad)
    else:
        given = x, source, target, mask, seed, out, log_total, grad
        grads = gat_backward_op(rowptr, col, perm, *back, *given, *options)
    grad_mask = None if mask is None else grads[3]
    return None, None, None, *grads[:3], grad_mask, *[None] * 6


gat_op.register_autograd(_backward, setup_context=_setup)


@custom_op('graphsparse::gat_backward', mutates_args=())
def gat_backward_op(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    t_rowptr: Tensor,
    t_col: Tensor,
    t_perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    seed: Tensor | None,
    out: Tensor,
    log_total: Tensor,
    grad: Tensor,
    slope: float,
    dropout: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients to x, source, target and mask (empty if there is none)."""
    scores = x, source, target, mask, slope, dropout, seed
    return reference.gat_backward(rowptr, col, perm, *scores, grad)


@gat_backward_op.register_kernel('cpu')
def _(rowptr, col, perm, t_rowptr, t_col, t_perm, *rest):
    col, perm, t_col, t_perm = one_type(col, perm, t_col, t_perm)
    x, source, target, mask, seed, out, log_total, grad, slope, dropout = rest
    grads = [new_output(t, *t.shape) for t in (x, source, target)]
    grads.append(source.new_empty(0 if mask is None else mask.shape))
    inner = target.new_empty(target.shape)
    grad_score = source.new_empty(col.numel(), x.size(1))
    _, heads, features = x.shape
    if native_call(
        'gat_backward',
        (x.dtype, col.dtype),
        *(rowptr, col, perm, t_rowptr, t_col, t_perm),
        *(x, source, target, mask, out, log_total, grad, inner, grad_score),
        *(*grads[:3], None if mask is None else grads[3]),
        *(target.size(0), x.size(0), heads, features, slope, dropout, _number(seed)),
        threads_for(2 * col.numel() * heads * features),
    ):
        return tuple(grads)
    scores = x, source, target, mask, slope, dropout, seed
    return reference.gat_backward(rowptr, col, perm, *scores, grad)


@gat_backward_op.register_kernel('cuda')
def _gat_back_cuda(rowptr, col, perm, t_rowptr, t_col, t_perm, *rest):
    x, source, target, mask, seed, out, log_total, grad, slope, dropout = rest
    scores = x, source, target, mask, slope, dropout, seed
    triton = triton_kernels()
    if triton is None:
        return reference.gat_backward(rowptr, col, perm, *scores, grad)
    pattern = rowptr, col, perm, t_rowptr, t_col, t_perm
    return triton.gat_backward(*pattern, *scores, out, log_total, grad)


@gat_backward_op.register_fake
def _(rowptr, col, perm, t_rowptr, t_col, t_perm, *rest):
    x, source, target, mask, *_ = rest
    grads = [t.new_empty(t.shape) for t in (x, source, target)]
    return *grads, source.new_empty(0 if mask is None else mask.shape)
