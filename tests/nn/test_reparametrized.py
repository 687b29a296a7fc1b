import torch
from torch.nn import Linear, Parameter

from graphsparse.nn import Reparametrized


class Scaled(Reparametrized):
    def __init__(self, net):
        super().__init__(net)
        self.scale = Parameter(torch.tensor(3.0))

    def weights(self):
        return {'weight': self.scale * self.net.weight}


def test_runs_the_net_under_other_weights_and_leaves_its_own():
    net, x = Linear(4, 2), torch.randn(5, 4)
    model, weight = Scaled(net), net.weight.clone()
    out = model(x)
    assert torch.allclose(out, 3 * x @ weight.t() + net.bias)
    out.sum().backward()
    assert torch.equal(net.weight, weight)
    assert torch.allclose(model.scale.grad, (x @ weight.t()).sum())
    assert set(model.state_dict()) == {'scale', 'net.weight', 'net.bias'}
