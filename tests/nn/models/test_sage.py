from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse.nn import SAGE

from .dense import ADJACENCY, X, as_numpy, graph, recorded_dropout, relu


def test_parameters_on_cora():
    # Two maps a layer, no bias: twice a GCN.
    assert sum(p.numel() for p in SAGE(1433, 7).parameters()) == 2 * 737_280


@pytest.mark.parametrize('num_layers', [1, 2, 3])
def test_formula(num_layers):
    model = SAGE(3, 2, 4, num_layers).double().eval()
    mean = ADJACENCY / np.maximum(ADJACENCY.sum(1, keepdims=True), 1)
    h = X
    for layer, conv in enumerate(model.convs):
        neighbours, own = as_numpy(conv.lin_l.weight), as_numpy(conv.lin_r.weight)
        h = mean @ h @ neighbours.T + h @ own.T
        h = relu(h) if layer < num_layers - 1 else h
    np.testing.assert_allclose(as_numpy(model(torch.tensor(X), graph())), h, rtol=1e-10)


def test_dropout_comes_after_each_hidden_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    SAGE(3, 2, 4, num_layers=3, dropout=0.3)(torch.tensor(X).float(), graph())
    assert shapes == [((5, 4), 0.3, True)] * 2


def test_widths():
    assert SAGE(3, 2, 4, 3).propagation_widths() == [3, 4, 4]
