from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse import InputError
from graphsparse.nn import JKNet

from .dense import X, as_numpy, gcn_dense, graph, recorded_dropout, relu


@pytest.mark.parametrize('jump', ['cat', 'max', 'lstm'])
def test_formula(jump):
    model = JKNet(3, 2, 4, 3, jump=jump).double().eval()
    h, layers = X, []
    for conv in model.convs:
        h = relu(gcn_dense() @ h @ as_numpy(conv.lin.weight).T)
        layers.append(h)
    joined = {
        'cat': lambda: np.concatenate(layers, axis=1),
        'max': lambda: np.max(layers, axis=0),
        'lstm': lambda: as_numpy(model.jump([torch.tensor(h) for h in layers])),
    }[jump]()
    wanted = joined @ as_numpy(model.read_out.weight).T + as_numpy(model.read_out.bias)
    out = as_numpy(model(torch.tensor(X), graph()))
    np.testing.assert_allclose(out, wanted, rtol=1e-10)


def test_sizes_dropout_and_bad_input(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model = JKNet(3, 2, 4, 3, dropout=0.3)
    model(torch.tensor(X).float(), graph())
    assert shapes == [((5, 3), 0.3, True), ((5, 4), 0.3, True), ((5, 4), 0.3, True)]
    assert model.layer_sizes() == [(3, 4), (4, 4), (4, 4)]
    assert model.propagation_widths() == [3, 4, 4]
    with pytest.raises(InputError, match="Unknown jump 'sum'"):
        JKNet(3, 2, jump='sum')


def test_all_is_drawn_anew():
    model = JKNet(3, 2, 4, 3, jump='lstm')
    before = {name: p.clone() for name, p in model.named_parameters()}
    model.reset_parameters()
    for name, p in model.named_parameters():
        if not name.startswith('convs') or 'weight' in name:
            assert not torch.equal(p, before[name]), name
