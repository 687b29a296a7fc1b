import pytest
import torch
import torch_geometric.nn as pyg
from torch.autograd.function import once_differentiable
from torch_geometric.nn import GCNConv

from graphsparse.engine import InputError
from graphsparse.nn import accelerate
from graphsparse.pruning import Probe, prunable
from graphsparse.pruning.weights.grasp import GraspScore
from graphsparse.training import make_probe
from tests.pruning.weights.nets import toy


def hessian_score(weights, probe, temperature):
    """w * (H g) from the whole Hessian."""
    flat = torch.cat([w.reshape(-1) for w in weights.values()])
    sizes = [w.numel() for w in weights.values()]

    def shaped(parts):
        pairs = zip(weights.items(), parts, strict=True)
        return {name: part.view(weight.shape) for (name, weight), part in pairs}

    def loss(vector):
        parts = vector.split(sizes)
        return probe.loss(shaped(parts), temperature)

    hessian = torch.autograd.functional.hessian(loss, flat)
    gradient = torch.autograd.functional.jacobian(loss, flat)
    parts = (flat * (hessian @ gradient)).split(sizes)
    return shaped(parts)


@pytest.mark.parametrize('temperature', [1.0, 200.0])
def test_the_hessian_of_a_small_net(temperature):
    weights, probe = toy()
    score = GraspScore(temperature=temperature)(weights, probe)
    expected = hessian_score(weights, probe, temperature)
    for name in weights:
        torch.testing.assert_close(score[name], expected[name], rtol=1e-9, atol=1e-15)
        assert score[name].abs().max() > 0


def test_twice_the_score_is_what_removing_takes_from_the_gradient():
    """So the lowest scores go first: without them the gradient is largest."""
    weights, probe = toy()
    score = GraspScore(temperature=1.0)(weights, probe)

    def square(at):
        point = {n: w.clone().requires_grad_() for n, w in at.items()}
        found = torch.autograd.grad(probe.loss(point, 1.0), list(point.values()))
        return sum(float(g.square().sum()) for g in found)

    step, whole = 1e-6, square(weights)
    for name, weight in weights.items():
        for place in range(weight.numel()):
            moved = {n: w.clone() for n, w in weights.items()}
            moved[name].view(-1)[place] *= 1 - step
            taken = (whole - square(moved)) / step
            assert abs(taken - 2 * float(score[name].view(-1)[place])) < 1e-4


def test_a_quadratic_by_hand():
    """L = (a^2 + 2 b^2) / 2: g = (a, 2 b), H g = (a, 4 b)."""

    def loss(at, temperature):
        return (at['a'] ** 2 + 2 * at['b'] ** 2).sum() / 2

    weights = {'a': torch.tensor([3.0]), 'b': torch.tensor([-1.0])}
    score = GraspScore()(weights, Probe(loss, lambda at: None))
    assert score['a'].tolist() == [9.0] and score['b'].tolist() == [4.0]


@pytest.mark.parametrize('net', [pyg.GCN, pyg.GAT, pyg.GIN, pyg.GraphSAGE])
def test_our_convs_are_differentiated_twice_as_pygs_are(net, small):
    torch.manual_seed(0)
    model = net(16, 8, 2, 3).double()
    small.x = small.x.double()
    scores = [
        GraspScore(temperature=1.0)(prunable(m), make_probe(m, small))
        for m in (model, accelerate(model))
    ]
    for name, worth in scores[0].items():
        assert worth.abs().max() > 0
        torch.testing.assert_close(scores[1][name], worth, rtol=1e-8, atol=1e-14)


def test_a_net_without_second_derivatives_is_refused(small):
    class Twice(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        @once_differentiable
        def backward(ctx, grad):
            return 2 * grad

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv = GCNConv(16, 3)

        def forward(self, x, edge_index):
            return Twice.apply(self.conv(x, edge_index))

    model = Net()
    with pytest.raises(InputError, match=r"second derivatives.*'snip'"):
        GraspScore()(prunable(model), make_probe(model, small))


@pytest.mark.parametrize('temperature', [0.0, -1.0, float('nan')])
def test_bad_temperature(temperature):
    with pytest.raises(InputError, match='temperature'):
        GraspScore(temperature=temperature)
