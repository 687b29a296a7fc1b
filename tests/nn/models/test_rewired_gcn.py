from __future__ import annotations

import copy
import io

import numpy as np
import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.nn import GCNConv, ModelRecipe, RewiredGCN, dropout

from .dense import ADJACENCY, X, as_numpy, graph, relu


class Plain(torch.nn.Module):
    """The deep GCN of the same sizes, written down without a thought of skips."""

    def __init__(self, sizes, p, bias):
        super().__init__()
        self.p = p
        self.convs = torch.nn.ModuleList(GCNConv(*s, bias=bias) for s in sizes)

    def forward(self, x, edge_index):
        for conv in self.convs[:-1]:
            x = conv(dropout(x, self.p, self.training), edge_index).relu()
        return self.convs[-1](dropout(x, self.p, self.training), edge_index)


@pytest.mark.parametrize('bias', [False, True])
@pytest.mark.parametrize('num_layers', [1, 2, 5])
def test_without_skips_it_is_the_plain_gcn_bit_for_bit(num_layers, bias):
    x, outs, grads = torch.tensor(X).float(), [], []
    torch.manual_seed(3)
    ours = RewiredGCN(3, 2, 4, num_layers, dropout=0.3, bias=bias)
    torch.manual_seed(3)
    plain = Plain(ours.layer_sizes(), 0.3, bias)
    assert [n for n, _ in plain.named_parameters()] == [
        n for n, _ in ours.named_parameters()
    ]
    for net in (plain, ours):
        torch.manual_seed(5)
        out = net(x, graph())
        out.square().sum().backward()
        outs += [out, net.eval()(x, graph())]
        grads.append([p.grad for p in net.parameters()])
    assert torch.equal(outs[0], outs[2]) and torch.equal(outs[1], outs[3])
    assert all(torch.equal(a, b) for a, b in zip(*grads, strict=True))


@pytest.mark.parametrize('target', ['initial', 'previous'])
def test_formula(target):
    torch.manual_seed(0)
    model = RewiredGCN(3, 2, 4, num_layers=5, target=target, alpha=0.7).double().eval()
    for conv in model.convs:
        torch.nn.init.normal_(conv.bias)
    model.set_skips([2, 3])
    full = ADJACENCY + np.eye(len(X))
    scale = full.sum(1) ** -0.5
    full = scale[:, None] * full * scale
    h, before, raw = X, [], []
    for layer, conv in enumerate(model.convs):
        z = full @ h @ as_numpy(conv.lin.weight).T + as_numpy(conv.bias)
        raw.append(z)
        if layer in (2, 3):
            z = z + 0.7 * before[0 if target == 'initial' else -1]
        before.append(z)
        h = relu(z)
    x = torch.tensor(X)
    np.testing.assert_allclose(as_numpy(model(x, graph())), raw[-1], rtol=1e-10)
    out, layers = model.forward_with_layers(x, graph())
    assert out is layers[-1]
    for ours, theirs in zip(layers, raw, strict=True):
        np.testing.assert_allclose(as_numpy(ours), theirs, rtol=1e-10)


def test_layers_come_of_the_same_pass():
    x, model = torch.tensor(X).float(), RewiredGCN(3, 2, 4, 4, dropout=0.5)
    torch.manual_seed(1)
    out = model(x, graph())
    torch.manual_seed(1)
    again, layers = model.forward_with_layers(x, graph())
    assert torch.equal(out, again) and [z.size(1) for z in layers] == [4, 4, 4, 2]


def test_skips_travel_with_the_state():
    model = RewiredGCN(3, 2, 4, 6)
    model.set_skips([4, 1])
    assert model.skips.tolist() == [False, True, False, False, True, False]
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    other = RewiredGCN(3, 2, 4, 6)
    other.load_state_dict(torch.load(file, weights_only=True))
    x = torch.tensor(X).float()
    for twin in (other, copy.deepcopy(model)):
        assert torch.equal(twin.eval()(x, graph()), model.eval()(x, graph()))
    model.set_skips([2])
    assert model.skips.nonzero().flatten().tolist() == [2]
    model.set_skips([])
    assert not model.skips.any()


@pytest.mark.parametrize(('num_layers', 'layer'), [(5, 0), (5, 4), (5, 5), (2, 1)])
def test_first_and_last_have_none(num_layers, layer):
    model = RewiredGCN(3, 2, 4, num_layers)
    with pytest.raises(InputError, match=f'Layer {layer} of {num_layers}'):
        model.set_skips([layer])
    assert not model.skips.any()


def test_options():
    with pytest.raises(InputError, match="'final'"):
        RewiredGCN(3, 2, target='final')
    model = ModelRecipe('rewired_gcn', hidden_channels=8, num_layers=4).build(3, 2)
    assert isinstance(model, RewiredGCN) and model.dropout == 0.6
    assert list(model.skippable) == [1, 2]
    assert list(RewiredGCN(3, 2, num_layers=2).skippable) == []
    assert RewiredGCN(3, 9, 4, 3).propagation_widths() == [3, 4, 4]
