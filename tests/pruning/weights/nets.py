"""Small nets with a probe of their own, no graph."""

import torch

from graphsparse.pruning import Probe


def softmax_net(x, y, hidden, classes, seed=0):
    """Two layers with tanh between: weights in float64, and their probe."""
    generator = torch.Generator().manual_seed(seed)
    weights = {
        name: torch.randn(shape, generator=generator, dtype=torch.float64)
        for name, shape in (('one', (hidden, x.size(1))), ('two', (classes, hidden)))
    }

    def loss(at, temperature):
        out = (x @ at['one'].t()).tanh() @ at['two'].t()
        return torch.nn.functional.cross_entropy(out / temperature, y)

    def flow(at):
        ones = torch.ones_like(x)
        return (ones @ at['one'].abs().t() @ at['two'].abs().t()).sum()

    return weights, Probe(loss, flow)


def toy(seed=0):
    """The net above on random data."""
    generator = torch.Generator().manual_seed(seed)
    x = torch.randn(6, 4, generator=generator, dtype=torch.float64)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    return softmax_net(x, y, hidden=3, classes=3, seed=seed)
