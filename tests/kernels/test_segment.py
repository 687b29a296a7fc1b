from functools import partial

import numpy as np
import pytest
import torch
from torch.library import opcheck
from torch.testing import assert_close

from graphsparse.kernels import segment_reduce, segment_softmax
from graphsparse.kernels.segment import segment_reduce_op, segment_softmax_op

ROWPTR = torch.tensor([0, 0, 4, 5, 5, 9, 9])  # rows 0, 3 and 5 are empty
REDUCES = ['sum', 'mean', 'max', 'min']
RUNS = {r: partial(segment_reduce, ROWPTR, reduce=r) for r in REDUCES}
RUNS['softmax'] = partial(segment_softmax, ROWPTR)


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype)


def per_row(rowptr, src, function, width):
    """``function`` of the slots of every row in numpy; 0 in empty rows."""
    ends = zip(rowptr[:-1].tolist(), rowptr[1:].tolist(), strict=True)
    parts = [src[begin:end].double().numpy() for begin, end in ends]
    return np.array([function(p, axis=0) if len(p) else np.zeros(width) for p in parts])


@pytest.mark.parametrize('reduce', REDUCES)
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('width', [1, 3, 8, 31])
def test_reduces_each_row(width, dtype, reduce):
    src = draw(9, width, dtype=dtype)
    out = segment_reduce(ROWPTR, src, reduce)
    expected = per_row(ROWPTR, src, getattr(np, reduce), width)
    assert out.dtype == dtype
    assert_close(out.double(), torch.as_tensor(expected), rtol=1e-6, atol=1e-6)
    flat = segment_reduce(ROWPTR, src[:, 0], reduce)
    assert torch.equal(flat, segment_reduce(ROWPTR, src[:, :1], reduce).squeeze(1))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('scale', [1.0, 1e4])
def test_softmax_of_each_row(scale, dtype):
    score = scale * draw(9, 3, dtype=dtype)
    out = segment_softmax(ROWPTR, score)
    for begin, end in [(0, 4), (4, 5), (5, 9)]:
        assert_close(out[begin:end], score[begin:end].softmax(0))
    assert_close(segment_softmax(ROWPTR, score[:, 1]), out[:, 1])
    assert out.isfinite().all()


@pytest.mark.parametrize('rows', [0, 3])
def test_no_slots(rows):
    rowptr = torch.zeros(rows + 1, dtype=torch.int64)
    for shape in ((0,), (0, 2)):
        src = torch.ones(shape, requires_grad=True)
        for reduce in REDUCES:
            out = segment_reduce(rowptr, src, reduce)
            assert torch.equal(out, torch.zeros(rows, *shape[1:]))
            out.sum().backward()
        assert segment_softmax(rowptr, src).shape == shape
        segment_softmax(rowptr, src).sum().backward()
        assert src.grad.shape == shape


@pytest.mark.parametrize('run', RUNS)
def test_gradients_of_first_and_second_order(run):
    src = draw(9, 2).requires_grad_()
    assert torch.autograd.gradcheck(RUNS[run], src)
    assert torch.autograd.gradgradcheck(RUNS[run], src, fast_mode=True)


@pytest.mark.parametrize('reduce', ['max', 'min'])
def test_slots_that_attain_an_extreme_together_share_its_gradient(reduce):
    src = torch.tensor([1.0, 2.0, 2.0, 2.0, 1.0, 1.0], requires_grad=True)
    sign = 1 if reduce == 'max' else -1
    out = segment_reduce(torch.tensor([0, 4, 6]), sign * src, reduce)
    out.sum().backward()
    expected = [0.0, 1 / 3, 1 / 3, 1 / 3, 0.5, 0.5]
    assert_close(src.grad, sign * torch.tensor(expected))


@pytest.mark.parametrize('run', RUNS)
def test_gradients_and_operands_of_any_stride(run):
    call = RUNS[run]
    plain = draw(9, 3).requires_grad_()
    strided = plain.detach().t().contiguous().t().requires_grad_()
    assert not strided.is_contiguous()
    rows = call(plain).size(0)
    for grad in (draw(3, rows, seed=1).t(), torch.ones(()).double().expand(rows, 3)):
        a = torch.autograd.grad(call(plain), plain, grad.contiguous())[0]
        b = torch.autograd.grad(call(strided), strided, grad)[0]
        assert torch.equal(a, b)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_half_types(dtype):
    src = draw(9, 2, dtype=dtype)
    for reduce in ('max', 'min'):
        exact = segment_reduce(ROWPTR, src.double(), reduce)
        assert torch.equal(segment_reduce(ROWPTR, src, reduce).double(), exact)
    out = segment_softmax(ROWPTR, src)
    assert out.dtype == dtype
    assert_close(out.double(), segment_softmax(ROWPTR, src.double()), atol=2e-2, rtol=0)


@pytest.mark.parametrize('dtype', [torch.float16, torch.bfloat16])
def test_long_rows_of_half_types_are_added_up_in_float32(dtype):
    rowptr, src = torch.tensor([0, 5000]), torch.ones(5000, dtype=dtype)
    exact = torch.tensor([5000.0]).to(dtype)
    assert torch.equal(segment_reduce(rowptr, src), exact)
    assert torch.equal(segment_reduce(rowptr, src, 'mean'), src[:1])
    assert_close(segment_softmax(rowptr, src), src / 5000)


@pytest.mark.parametrize('run', RUNS)
def test_the_same_bits_with_one_thread_and_two(run):
    rowptr, found = torch.arange(0, 20001, 10), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        src = draw(20000, 5, dtype=torch.float32).requires_grad_()
        call = RUNS[run]
        out = call.func(rowptr, src, **call.keywords)
        out.square().sum().backward()
        found.append((out, src.grad))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_ops_are_well_formed(dtype):
    src = draw(2, 9, dtype=dtype).t().requires_grad_()
    opcheck(segment_softmax_op, (ROWPTR, src))
    opcheck(segment_reduce_op, (ROWPTR, src, 'sum'))
    opcheck(segment_reduce_op, (ROWPTR, src, 'max'))


def test_compiles_as_one_graph():
    def run(src):
        share = segment_softmax(ROWPTR, src)
        return sum(segment_reduce(ROWPTR, share, reduce) for reduce in REDUCES)

    src = draw(9, 2).requires_grad_()
    compiled = torch.compile(run, backend='aot_eager', fullgraph=True)
    found = torch.autograd.grad(compiled(src).square().sum(), src)
    assert_close(found, torch.autograd.grad(run(src).square().sum(), src))


def test_what_cannot_be_done_is_refused():
    with pytest.raises(ValueError, match="'prod'"):
        segment_reduce(ROWPTR, torch.ones(9), 'prod')
    for run in (segment_reduce, segment_softmax):
        with pytest.raises(NotImplementedError, match='jvp'):
            torch.func.jvp(
                lambda src, run=run: run(ROWPTR, src),
                (torch.ones(9),),
                (torch.ones(9),),
            )
