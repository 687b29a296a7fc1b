import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn.dense import Linear

from graphsparse.graph import Operator
from graphsparse.nn.features import apply_linear, as_sparse


def bag_of_words(share=0.05, dtype=torch.float64):
    torch.manual_seed(0)
    x = torch.rand(40, 30, dtype=dtype)
    return x * (torch.rand(40, 30) < share)


@pytest.mark.parametrize('bias', [True, False])
def test_values_and_gradients_are_those_of_the_dense_product(bias):
    x, linear = bag_of_words(), Linear(30, 7, bias=bias).double()
    assert isinstance(as_sparse(x), Operator)
    out = apply_linear(linear, x)
    assert_close(out, linear(x))
    weights = torch.randn_like(out)
    parameters = list(linear.parameters())
    got = torch.autograd.grad((out * weights).sum(), parameters)
    expected = torch.autograd.grad((linear(x) * weights).sum(), parameters)
    for a, b in zip(got, expected, strict=True):
        assert_close(a, b)


def test_chosen_by_measured_density():
    assert isinstance(as_sparse(bag_of_words(0.05)), Operator)
    dense = bag_of_words(0.5)
    assert as_sparse(dense) is dense
    assert as_sparse(torch.zeros(3, 4)).pattern.col.numel() == 0
    empty = torch.zeros(0, 4)
    assert as_sparse(empty) is empty


def test_found_once_per_tensor_and_anew_after_an_edit():
    x = bag_of_words()
    first = as_sparse(x)
    assert as_sparse(x) is first
    x[0, 0] = 9.0
    assert_close(as_sparse(x) @ torch.eye(30, dtype=x.dtype), x)


def test_features_that_are_learned_stay_dense():
    x = bag_of_words().requires_grad_()
    assert as_sparse(x) is x
    apply_linear(Linear(30, 7).double(), x).sum().backward()
    assert x.grad is not None and x.grad.any()


def test_nothing_but_a_plain_linear_is_replaced():
    x, linear = bag_of_words(), Linear(30, 7).double()
    seen = []
    linear.register_forward_hook(lambda *args: seen.append(1))
    apply_linear(linear, x)
    assert seen == [1]

    class Twice(Linear):
        def forward(self, x):
            return 2 * super().forward(x)

    twice = Twice(30, 7).double()
    assert_close(apply_linear(twice, x), twice(x))


def test_nan_is_no_zero():
    x = bag_of_words()
    x[3, 4] = float('nan')
    out = apply_linear(Linear(30, 7).double(), x)
    assert out[3].isnan().all() and not out[2].isnan().any()


def test_first_seen_in_inference_mode_it_still_trains():
    x, linear = bag_of_words(), Linear(30, 7).double()
    with torch.inference_mode():
        apply_linear(linear, x)
    apply_linear(linear, x).sum().backward()
    assert linear.weight.grad.any()
