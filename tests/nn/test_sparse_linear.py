import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn.dense import Linear

from graphsparse.engine import InputError
from graphsparse.nn import SparseLinear


def pruned(make=torch.nn.Linear, bias=True):
    torch.manual_seed(0)
    linear = make(30, 7, bias=bias).double()
    with torch.no_grad():
        linear.weight.mul_(torch.rand(7, 30) < 0.2)
    return linear


@pytest.mark.parametrize('bias', [True, False])
@pytest.mark.parametrize('make', [torch.nn.Linear, Linear])
def test_values_and_gradients_are_those_of_the_dense_layer(make, bias):
    dense = pruned(make, bias)
    sparse = SparseLinear(dense)
    x = torch.randn(3, 5, 30, dtype=torch.float64, requires_grad=True)
    out = sparse(x)
    assert_close(out, dense(x))
    grad = torch.randn_like(out)
    ours = torch.autograd.grad(out, [x, *sparse.parameters()], grad)
    theirs = torch.autograd.grad(dense(x), [x, *dense.parameters()], grad)
    kept = dense.weight != 0
    assert_close(ours[0], theirs[0])
    assert_close(ours[1], theirs[1][kept])
    assert len(ours) == 2 + bias
    if bias:
        assert_close(ours[2], theirs[2])


def test_it_holds_the_non_zeros_alone_and_gives_the_matrix_back():
    dense = pruned()
    sparse = SparseLinear(dense)
    assert torch.equal(sparse.weight, dense.weight)
    assert sparse.value.numel() == int((dense.weight != 0).sum())
    assert sparse.density == sparse.value.numel() / 210
    assert (
        repr(sparse) == f'SparseLinear(30, 7, density={sparse.density:.3g}, bias=True)'
    )


def test_what_is_pruned_never_comes_back():
    dense = pruned()
    sparse = SparseLinear(dense)
    optimizer = torch.optim.Adam(sparse.parameters(), lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        sparse(torch.randn(9, 30, dtype=torch.float64)).square().sum().backward()
        optimizer.step()
    after = sparse.weight
    assert not torch.equal(after, dense.weight)
    assert torch.equal(after != 0, dense.weight != 0)
    assert dense.bias is not sparse.bias and not torch.equal(dense.bias, sparse.bias)


def test_its_state_goes_to_another():
    first, second = SparseLinear(pruned()), SparseLinear(pruned())
    with torch.no_grad():
        first.value.mul_(2)
    second.load_state_dict(first.state_dict())
    assert torch.equal(second.weight, first.weight)


def test_a_layer_without_a_matrix_is_refused():
    with pytest.raises(InputError, match='weight matrix'):
        SparseLinear(torch.nn.ReLU())
