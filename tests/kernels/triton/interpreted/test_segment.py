import pytest
import torch

from graphsparse.kernels import reference, triton
from tests.kernels.triton.operands import LENGTHS, close, draw

ROWPTR = torch.tensor([0, *LENGTHS]).cumsum(0)
SLOTS = sum(LENGTHS)
CASES = [(torch.float32, 1), (torch.float64, 3), (torch.bfloat16, 7)]


@pytest.mark.parametrize(
    ('reduce', 'dtype', 'width'),
    [('sum', *CASES[0]), ('mean', *CASES[1]), ('max', *CASES[2]), ('min', *CASES[1])],
)
def test_reductions(reduce, dtype, width):
    src = draw(SLOTS, width, dtype=dtype)
    out = triton.segment_reduce(ROWPTR, src, reduce)
    assert out.dtype == dtype
    exact = reference.segment_reduce(ROWPTR, src.double(), reduce)
    close(out, exact, 5e-2 if dtype == torch.bfloat16 else None)


@pytest.mark.parametrize(
    ('scale', 'dtype', 'width'), [(1, *CASES[1]), (1e4, *CASES[0]), (3, *CASES[2])]
)
def test_softmax_and_its_gradient(scale, dtype, width):
    score = (scale * draw(SLOTS, width)).to(dtype)
    score[1] = score[0]
    out = triton.segment_softmax(ROWPTR, score)
    assert out.dtype == dtype
    leaf = score.double().requires_grad_()
    expected = reference.segment_softmax(ROWPTR, leaf)
    tol = 5e-2 if dtype == torch.bfloat16 else None
    close(out, expected.detach(), tol)
    grad = draw(SLOTS, width, dtype=dtype, seed=1)
    found = triton.segment_softmax_backward(ROWPTR, out, grad)
    close(found, torch.autograd.grad(expected, leaf, grad.double())[0], tol)


def test_whole_rows_and_any_stride(chunk):
    chunk(512)
    score, grad = draw(3, SLOTS).t(), draw(3, SLOTS, seed=1).t()
    close(
        triton.segment_reduce(ROWPTR, score, 'mean'),
        reference.segment_reduce(ROWPTR, score, 'mean'),
    )
    out = triton.segment_softmax(ROWPTR, score)
    close(out, reference.segment_softmax(ROWPTR, score))
    ours = triton.segment_softmax_backward(ROWPTR, out, grad)
    assert torch.equal(
        ours, triton.segment_softmax_backward(ROWPTR, out, grad.contiguous())
    )


@pytest.mark.parametrize('rows', [0, 3])
def test_no_slots(rows):
    rowptr, src = torch.zeros(rows + 1, dtype=torch.int64), torch.ones(0, 2)
    for reduce in ('sum', 'mean', 'max', 'min'):
        out = triton.segment_reduce(rowptr, src, reduce)
        assert torch.equal(out, torch.zeros(rows, 2))
    assert triton.segment_softmax(rowptr, src).shape == (0, 2)
    assert triton.segment_softmax_backward(rowptr, src, src).shape == (0, 2)


def test_integers_run_the_reference():
    src = torch.arange(SLOTS).unsqueeze(1)
    out = triton.segment_reduce(ROWPTR, src, 'max')
    assert torch.equal(out, reference.segment_reduce(ROWPTR, src, 'max'))
