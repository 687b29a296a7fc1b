from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse import InputError
from graphsparse.nn import GCN, Residual

from .dense import X, as_numpy, gcn_dense, graph, recorded_dropout, relu


@pytest.mark.parametrize('num_layers', [1, 2, 4])
def test_formula(num_layers):
    model = Residual(3, 2, 4, num_layers, alpha=0.3).double().eval()
    h = X
    for layer, conv in enumerate(model.convs):
        with torch.no_grad():
            conv.bias.uniform_()
        z = gcn_dense() @ h @ as_numpy(conv.lin.weight).T + as_numpy(conv.bias)
        if layer == num_layers - 1:
            h = z
        else:
            h = relu(z) if layer == 0 else 0.7 * relu(z) + 0.3 * h
    np.testing.assert_allclose(as_numpy(model(torch.tensor(X), graph())), h, rtol=1e-10)


def test_without_skips_it_is_a_gcn():
    model, gcn = Residual(3, 2, 4, 4, alpha=0).eval(), GCN(3, 2, 4, 4).eval()
    weights = {k: v for k, v in model.state_dict().items() if 'bias' not in k}
    gcn.load_state_dict(weights)
    x = torch.tensor(X).float()
    torch.testing.assert_close(model(x, graph()), gcn(x, graph()))


def test_dropout_is_on_the_input_of_every_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    Residual(3, 2, 4, 3, dropout=0.3)(torch.tensor(X).float(), graph())
    assert shapes == [((5, 3), 0.3, True), ((5, 4), 0.3, True), ((5, 4), 0.3, True)]


def test_widths_and_bad_input():
    assert Residual(3, 2, 4, 3).propagation_widths() == [3, 4, 2]
    with pytest.raises(InputError, match=r'alpha .* \(got 1.5\)'):
        Residual(3, 2, alpha=1.5)
