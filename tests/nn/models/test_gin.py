from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse.nn import GIN

from .dense import ADJACENCY, X, as_numpy, graph, recorded_dropout, relu


def test_parameters_on_cora():
    model = GIN(1433, 7)
    assert sum(p.numel() for p in model.parameters()) == 740_866
    assert [conv.eps.item() for conv in model.convs] == [0, 0]
    assert all(conv.eps.requires_grad for conv in model.convs)


@pytest.mark.parametrize('num_layers', [1, 2, 3])
def test_formula(num_layers):
    model = GIN(3, 2, 4, num_layers).double()
    layers, h = [], X
    with torch.no_grad():
        for layer, conv in enumerate(model.convs):
            conv.eps.fill_(0.3 + layer)
            layers.append(h)
            h = ADJACENCY @ h + (1.3 + layer) * h
            h = relu(h @ as_numpy(conv.nn.weight).T)
    wanted = (layers[-1] @ as_numpy(model.read_out.weight).T + h) / 2
    out = as_numpy(model(torch.tensor(X), graph()))
    np.testing.assert_allclose(out, wanted, rtol=1e-10)


def test_has_no_dropout(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    GIN(3, 2, 4)(torch.tensor(X).float(), graph())
    assert shapes == []


def test_widths_and_reset():
    model = GIN(3, 2, 4, 3)
    assert model.propagation_widths() == [3, 4, 4]
    with torch.no_grad():
        model.convs[0].eps.fill_(5)
    before = {name: p.clone() for name, p in model.named_parameters()}
    model.reset_parameters()
    for name, parameter in model.named_parameters():
        if name.endswith('eps'):
            assert parameter.item() == 0
        else:
            assert not torch.equal(parameter, before[name])
