import pytest
import torch
from torch.testing import assert_close
from torch_geometric.nn.dense import Linear

from graphsparse.graph import Operator, to_adjacency
from graphsparse.nn import GATConv, GCNConv, GINConv, SAGEConv, dropout
from graphsparse.nn.features import apply_linear, as_dense, as_sparse


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


def pruned(dtype=torch.float64):
    linear = Linear(30, 7).to(dtype)
    with torch.no_grad():
        linear.weight.mul_(torch.rand(7, 30) < 0.1)
    return linear


def test_pruned_weights_are_multiplied_alone_where_they_are_not_trained(monkeypatch):
    x, linear = torch.randn(40, 30).double(), pruned()
    expected = linear(x)
    ran = []
    from graphsparse.nn import features

    def spy(*args):
        ran.append(args)
        return sparse_linear(*args)

    sparse_linear = features.sparse_linear
    monkeypatch.setattr(features, 'sparse_linear', spy)
    assert_close(apply_linear(linear, x), expected)
    assert ran == []
    with torch.no_grad():
        for calls in (0, 1, 2):  # measured when it comes a second time
            assert_close(apply_linear(linear, x), expected)
            assert len(ran) == calls
        linear.weight[0] = 1.0  # measured anew
        linear.weight[1:3] = 1.0
        for _ in range(2):
            assert_close(apply_linear(linear, x), linear(x))
    assert len(ran) == 2


def test_dropout_over_non_zeros():
    torch.manual_seed(0)
    x = torch.zeros(400, 500)
    x[:, ::50] = 1.0
    out = dropout(x, 0.3)
    assert isinstance(out, Operator)
    dense = as_dense(out)
    assert set(dense.unique().tolist()) == {0.0, dense.max().item()}
    assert dense.max() == pytest.approx(1 / 0.7)
    # 4,000 draws: a standard deviation is 0.007.
    assert abs((dense[:, ::50] > 0).float().mean() - 0.7) < 0.03
    assert dropout(x, 0.3, training=False) is x and dropout(x, 0.0) is x
    assert isinstance(dropout(torch.randn(4, 5), 0.3), torch.Tensor)
    leaf = torch.zeros(4, 5, requires_grad=True)
    assert dropout(leaf, 0.3).requires_grad


@pytest.mark.parametrize(
    'conv',
    [
        GCNConv(30, 7),
        GCNConv(30, 50),
        SAGEConv(30, 7),
        SAGEConv(30, 7, aggr='max'),
        SAGEConv(30, 50, project=True),
        GATConv(30, 7, heads=2),
        GATConv(30, 7, heads=8, residual=True),
        GINConv(torch.nn.Linear(30, 7)),
        GCNConv(30, 7, aggr='median'),  # PyG's own forward
    ],
    ids=repr,
)
def test_every_conv_takes_sparse_features(conv):
    x, conv = bag_of_words(), conv.double()
    ring = torch.stack([torch.arange(40), torch.arange(40).roll(1)])
    graph = to_adjacency(ring, 40)
    sparse, dense = as_sparse(x), x.clone().requires_grad_()  # which stays dense
    assert isinstance(sparse, Operator)
    ours, theirs = conv(sparse, graph), conv(dense, graph)
    assert_close(ours, theirs)
    assert_close(conv(x, graph), theirs)
    parameters = list(conv.parameters())
    grad = torch.randn_like(ours)
    for a, b in zip(
        torch.autograd.grad(ours, parameters, grad),
        torch.autograd.grad(theirs, parameters, grad),
        strict=True,
    ):
        assert_close(a, b)
