import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck
from torch.testing import assert_close

from graphsparse.kernels import reference
from graphsparse.kernels.dropout import dropout_op

SEED = torch.tensor(11)


@pytest.mark.parametrize(
    'dtype', [torch.float16, torch.bfloat16, torch.float32, torch.float64]
)
@pytest.mark.parametrize('shape', [(0,), (5,), (3, 7), (200, 100)])
@pytest.mark.parametrize('p', [0.0, 0.3, 1.0])
def test_values_are_those_of_the_reference(p, shape, dtype):
    x = torch.randn(shape, dtype=torch.float64).to(dtype)
    out = dropout_op(x, SEED, p)
    scale = reference.dropout_scale(SEED, x.numel(), 1, p).view(shape)
    assert out.dtype == dtype
    assert torch.equal(out == 0, (scale == 0) | (x == 0))
    tol = {torch.float16: 2e-3, torch.bfloat16: 1e-2}.get(dtype, 1e-6)
    # atol: half floats below 6e-5 have fewer bits.
    assert_close(out.double(), x.double() * scale, rtol=tol, atol=1e-7)


def test_the_same_bits_with_one_thread_and_two():
    x, found = torch.randn(300, 1000), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(dropout_op(x, SEED, 0.5))
    assert torch.equal(*found)


def test_gradients_and_other_layouts():
    x = torch.randn(6, 4, dtype=torch.float64).t().requires_grad_()

    def run(x):
        return dropout_op(x, SEED, 0.4).sin()

    assert gradcheck(run, x)
    assert gradgradcheck(run, x)
    opcheck(dropout_op, (x, SEED, 0.4))
    dense = x.detach().contiguous()
    assert torch.equal(dropout_op(x, SEED, 0.4), dropout_op(dense, SEED, 0.4))
