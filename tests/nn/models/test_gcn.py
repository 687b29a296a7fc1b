from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse.nn import GCN

from .dense import ADJACENCY, X, as_numpy, graph, recorded_dropout, relu


def test_parameters_on_cora():
    assert sum(p.numel() for p in GCN(1433, 7).parameters()) == 737_280


@pytest.mark.parametrize('num_layers', [1, 2, 3])
@pytest.mark.parametrize('weighted', [False, True])
def test_formula(num_layers, weighted):
    model, matrix, weight = GCN(3, 2, 4, num_layers).double().eval(), ADJACENCY, None
    if weighted:
        weight = torch.linspace(0.5, 2, graph().size(1)).double()
        matrix = ADJACENCY.copy()
        matrix[ADJACENCY > 0] = as_numpy(weight)
    full = matrix + np.eye(len(X))
    scale = full.sum(1) ** -0.5
    full = scale[:, None] * full * scale
    h = X
    for layer, conv in enumerate(model.convs):
        h = full @ h @ as_numpy(conv.lin.weight).T
        h = relu(h) if layer < num_layers - 1 else h
    out = model(torch.tensor(X), graph(), weight)
    np.testing.assert_allclose(as_numpy(out), h, rtol=1e-10)


def test_dropout_comes_after_each_hidden_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    GCN(3, 2, 4, num_layers=3, dropout=0.3)(torch.tensor(X).float(), graph())
    assert shapes == [((5, 4), 0.3, True)] * 2


def test_widths_and_repr_and_reset():
    model = GCN(1433, 7)
    # With these the published count of Cora's multiplications comes out: 2007.4 M.
    macs = 2708 * (1433 * 512 + 512 * 7) + 10556 * sum(model.propagation_widths())
    assert round(macs / 1e6, 1) == 2007.4
    assert repr(model) == 'GCN(1433, 7, hidden_channels=512, num_layers=2)'
    before = [p.clone() for p in model.parameters()]
    model.reset_parameters()
    after = model.parameters()
    assert not any(torch.equal(a, b) for a, b in zip(before, after, strict=True))
