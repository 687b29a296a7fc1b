from __future__ import annotations

import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse.nn import SGC
from tests.helpers import random_graph

from .dense import X, graph, recorded_dropout


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('hops', [1, 2, 5])
def test_is_pygs_layer_with_the_same_weights(hops, weighted):
    edge_index, x = random_graph(20, 40), torch.randn(20, 3).double()
    weight = torch.rand(edge_index.size(1)).double() if weighted else None
    model = SGC(3, 2, num_layers=hops).double().eval()
    conv = pyg.SGConv(3, 2, hops).double()
    conv.load_state_dict(model.state_dict())
    out = model(x, edge_index, weight)
    torch.testing.assert_close(out, conv(x, edge_index, weight))


def test_sizes_and_dropout(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model = SGC(3, 2, 999, dropout=0.3)
    model(torch.tensor(X).float(), graph())
    assert shapes == [((5, 3), 0.3, True)]
    assert sum(p.numel() for p in model.parameters()) == 8
    assert model.layer_sizes() == [(3, 2)] and model.propagation_widths() == [2, 2]
