import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck
from torch.testing import assert_close

from graphsparse.kernels import Pattern, reference, sparse_linear, transpose_csr
from graphsparse.kernels.sparse_linear import sparse_linear_op


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


def make_weight(rows, cols, density=0.3, dtype=torch.float64, index=torch.int32):
    """A sparse weight, dense and as pattern and values; the first row is empty."""
    dense = draw(rows, cols, dtype=dtype) * (draw(rows, cols, seed=1).erf() < density)
    dense[:1] = 0
    row, col = dense.nonzero(as_tuple=True)
    rowptr = torch.zeros(rows + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(row, minlength=rows), 0, out=rowptr[1:])
    col32 = col.to(index)
    pattern = Pattern(rowptr, col32, None, *transpose_csr(rowptr, col32, cols))
    return dense, pattern, dense[row, col]


@pytest.mark.parametrize('index', [torch.int32, torch.int64])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize('nodes', [0, 1, 31, 64, 131])
@pytest.mark.parametrize(('rows', 'cols'), [(1, 1), (7, 33), (40, 17)])
def test_equals_the_dense_product(rows, cols, nodes, dtype, index):
    dense, pattern, value = make_weight(rows, cols, dtype=dtype, index=index)
    x = draw(nodes, cols, dtype=dtype, seed=2)
    out = sparse_linear(x, pattern, value)
    assert out.dtype == dtype and out.is_contiguous()
    tol = {torch.float32: 1e-5, torch.float64: 1e-12, torch.bfloat16: 2**-7}[dtype]
    exact = x.double() @ dense.double().t()
    assert_close(out.double(), exact, rtol=tol, atol=10 * tol)


def test_native_equals_the_reference(compiled, monkeypatch):
    _, pattern, value = make_weight(7, 33)
    x = draw(70, 33, seed=2)
    expected = reference.sparse_linear(*pattern[:2], value, x)
    monkeypatch.setattr(reference, 'sparse_linear', None)
    assert_close(sparse_linear(x, pattern, value), expected, rtol=1e-13, atol=1e-13)


def test_an_input_that_is_not_contiguous():
    dense, pattern, value = make_weight(7, 33)
    x = draw(33, 40, seed=2).t()
    assert_close(sparse_linear(x, pattern, value), x @ dense.t())


def test_gradients_of_both_orders():
    _, pattern, value = make_weight(4, 6)
    leaves = draw(5, 6, seed=2).requires_grad_(), value.clone().requires_grad_()

    def run(x, value):
        return sparse_linear(x, pattern, value).sin()

    assert gradcheck(run, leaves)
    assert gradgradcheck(run, leaves)
    x, value = leaves
    opcheck(sparse_linear_op, (*pattern[:2], value, x, *pattern[3:]))


def test_the_same_bits_with_one_thread_and_two():
    _, pattern, value = make_weight(70, 90, dtype=torch.float32)
    x, found = draw(1000, 90, dtype=torch.float32, seed=2), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        found.append(sparse_linear(x, pattern, value))
    assert torch.equal(*found)


def test_what_does_not_fit_is_refused():
    _, pattern, value = make_weight(7, 33)
    with pytest.raises(ValueError, match=r'\[nodes, 33\] \(got shape \[5, 32\]\)'):
        sparse_linear(draw(5, 32), pattern, value)
    with pytest.raises(ValueError, match='slots'):
        sparse_linear(draw(5, 33), pattern, value[1:])
