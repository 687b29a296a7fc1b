from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse.nn import PairNorm

from .dense import X, as_numpy, gcn_dense, graph, recorded_dropout, relu


@pytest.mark.parametrize('alone', [False, True])
def test_formula(alone):
    model = PairNorm(3, 2, 4, 3, scale=2.0, scale_individually=alone).double().eval()
    h = X
    for conv in model.convs[:-1]:
        z = gcn_dense() @ h @ as_numpy(conv.lin.weight).T
        z = z - z.mean(0)
        length = (z**2).sum(1, keepdims=True)
        scale = np.sqrt(length) if alone else np.sqrt(length.mean())
        h = relu(2 * z / scale)
    h = gcn_dense() @ h @ as_numpy(model.convs[-1].lin.weight).T
    out = as_numpy(model(torch.tensor(X), graph()))
    np.testing.assert_allclose(out, h, rtol=1e-3)  # PyG adds 1e-5 to the scale


def test_dropout_is_on_the_input_of_every_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    PairNorm(3, 2, 4, dropout=0.3)(torch.tensor(X).float(), graph())
    assert shapes == [((5, 3), 0.3, True), ((5, 4), 0.3, True)]
