from __future__ import annotations

import numpy as np
import torch

from graphsparse.nn import DAGNN

from .dense import X, as_numpy, gcn_dense, graph, relu


def linear(lin, h):
    return h @ as_numpy(lin.weight).T + as_numpy(lin.bias)


def test_formula():
    model = DAGNN(3, 2, 4, 5).double().eval()
    h = linear(model.lins[1], relu(linear(model.lins[0], X)))
    wanted = 0
    for _ in range(6):
        wanted = wanted + h / (1 + np.exp(-linear(model.gate, h)))
        h = gcn_dense() @ h
    out = as_numpy(model(torch.tensor(X), graph()))
    np.testing.assert_allclose(out, wanted, rtol=1e-10)


def test_the_gate_is_drawn_anew():
    model = DAGNN(3, 2, 4)
    before = model.gate.weight.clone()
    model.reset_parameters()
    assert not torch.equal(model.gate.weight, before)
