import pytest
import torch

from graphsparse.kernels import reference, triton
from tests.kernels.triton.operands import close, draw, make_pattern


@pytest.mark.parametrize(
    ('dtype', 'index', 'nodes', 'lengths'),
    [
        (torch.float32, torch.int32, 5, [3, 0, 9, 1]),
        (torch.float64, torch.int64, 70, [4] * 17),
        (torch.bfloat16, torch.int32, 3, [0, 9, 20]),
        (torch.float32, torch.int32, 0, [1, 2]),
        (torch.float32, torch.int32, 4, []),
        (torch.float32, torch.int32, 4, [0, 0]),
    ],
)
def test_values(dtype, index, nodes, lengths):
    weight = make_pattern(lengths, index=index)
    value = draw(sum(lengths), dtype=dtype)
    x = draw(nodes, 9, dtype=dtype, seed=1)
    args = (weight.rowptr, weight.col, value, x)
    out = triton.sparse_linear(*args)
    assert out.dtype == dtype
    close(out, reference.sparse_linear(*args))
    close(triton.sparse_linear(*args[:3], x.t().contiguous().t()), out)


def test_gradients_are_other_ops():
    weight = make_pattern([3, 0, 9, 1])
    leaves = [draw(13).requires_grad_(), draw(5, 9, seed=1).requires_grad_()]
    grad = draw(5, 4, seed=2)
    out = reference.sparse_linear(weight.rowptr, weight.col, *leaves)
    expected = torch.autograd.grad(out, leaves, grad)
    value, x = (t.detach() for t in leaves)
    by_row, by_col = grad.t().unsqueeze(1), x.t().unsqueeze(1)
    grad_value = triton.sddmm(*weight[:3], None, by_row, by_col)
    close(grad_value.squeeze(1), expected[0])
    grad_x = triton.spmm(*weight[3:], None, value.unsqueeze(1), by_row, 'sum')
    close(grad_x.squeeze(1).t(), expected[1])
