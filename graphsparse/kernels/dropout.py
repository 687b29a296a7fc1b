from __future__ import annotations

from torch import Tensor
from torch.library import custom_op

from graphsparse.kernels import reference
from graphsparse.kernels.native import native_call, new_output, threads_for


@custom_op('graphsparse::dropout', mutates_args=())
def dropout_op(x: Tensor, seed: Tensor, p: float) -> Tensor:
    """Dropout by counting: the fate of a number is a function of seed and place.

    So no mask is kept for the gradient, and any number of threads gives the same.
    ``seed`` is an int64 scalar.
    """
    return reference.dropout(x, seed, p)


@dropout_op.register_kernel('cpu')
def _(x, seed, p):
    out = new_output(x, *x.shape)
    threads = threads_for(x.numel() // 8)
    if native_call('dropout', (x.dtype,), x, out, x.numel(), p, int(seed), threads):
        return out
    return reference.dropout(x, seed, p)


@dropout_op.register_fake
def _(x, seed, p):
    return x.new_empty(x.shape)


def _setup(ctx, inputs, output) -> None:
    _, seed, ctx.p = inputs
    ctx.save_for_backward(seed)


def _backward(ctx, grad: Tensor):
    return dropout_op(grad, *ctx.saved_tensors, ctx.p), None, None


dropout_op.register_autograd(_backward, setup_context=_setup)
