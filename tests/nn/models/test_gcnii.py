from __future__ import annotations

import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse import InputError
from graphsparse.nn import GCNII
from tests.helpers import random_graph

from .dense import X, graph, recorded_dropout


@pytest.mark.parametrize('weighted', [False, True])
def test_is_pygs_conv_with_the_same_weights(weighted):
    edge_index, x = random_graph(20, 40), torch.randn(20, 3).double()
    weight = torch.rand(edge_index.size(1)).double() if weighted else None
    model = GCNII(3, 2, 8, 5, alpha=0.2, theta=0.7).double().eval()
    h = first = model.read_in(x).relu()
    for layer, own in enumerate(model.convs, start=1):
        conv = pyg.GCN2Conv(8, 0.2, 0.7, layer).double()
        conv.weight1.data = own.weight.detach().t()
        h = conv(h, first, edge_index, weight).relu()
    torch.testing.assert_close(model(x, edge_index, weight), model.read_out(h))


def test_defaults_are_the_papers_for_cora():
    model = GCNII(1433, 7)
    assert (model.hidden_channels, model.num_layers, model.dropout) == (64, 64, 0.6)
    assert (model.alpha, model.theta) == (0.1, 0.5)
    # 1433 x 64 + 64, 64 maps of 64 x 64, 64 x 7 + 7.
    assert sum(p.numel() for p in model.parameters()) == 91_776 + 262_144 + 455


def test_depth_does_not_lose_the_signal():
    x, edge_index = torch.randn(20, 3), random_graph(20, 40)
    torch.manual_seed(0)
    out = GCNII(3, 2, 16, 64).eval()(x, edge_index)
    assert out.std(dim=0).min() > 0.01  # nodes stay apart


def test_dropout_is_on_the_input_of_every_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    GCNII(3, 2, 4, 2, dropout=0.3)(torch.tensor(X).float(), graph())
    sizes = [(5, 3), (5, 4), (5, 4), (5, 4)]
    assert shapes == [(size, 0.3, True) for size in sizes]


def test_sizes_and_bad_input():
    model = GCNII(3, 2, 4, 2)
    assert model.layer_sizes() == [(3, 4), (4, 4), (4, 4), (4, 2)]
    assert model.propagation_widths() == [4, 4]
    with pytest.raises(InputError, match=r'alpha .* \(got -0.1\)'):
        GCNII(3, 2, alpha=-0.1)
    with pytest.raises(InputError, match=r'theta .* \(got nan\)'):
        GCNII(3, 2, theta=float('nan'))
    with pytest.raises(InputError, match='one row for each node'):
        model(torch.tensor(X)[0], graph())
