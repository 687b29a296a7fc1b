from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse import InputError
from graphsparse.nn import APPNP, GPRGNN
from tests.helpers import random_graph

from .dense import X, as_numpy, gcn_dense, graph, recorded_dropout, relu
from .test_dagnn import linear


def test_formula():
    model = GPRGNN(3, 2, 4, 3).double().eval()
    gamma = [0.5, -2.0, 0.0, 3.0]
    model.gamma.data = torch.tensor(gamma).double()
    h = linear(model.lins[1], relu(linear(model.lins[0], X)))
    wanted = 0
    for weight in gamma:
        wanted, h = wanted + weight * h, gcn_dense() @ h
    out = as_numpy(model(torch.tensor(X), graph()))
    np.testing.assert_allclose(out, wanted, rtol=1e-10)


def test_starts_as_personalised_pagerank():
    edge_index, x = random_graph(20, 40), torch.randn(20, 3)
    model = GPRGNN(3, 2, 4, 6, alpha=0.2).eval()
    assert float(model.gamma.sum()) == pytest.approx(1)
    walk = APPNP(3, 2, 4, 6, alpha=0.2).eval()
    walk.lins.load_state_dict(model.lins.state_dict())
    torch.testing.assert_close(model(x, edge_index), walk(x, edge_index))
    start = model.gamma.detach().clone()
    model.gamma.data.fill_(9)
    model.reset_parameters()
    assert torch.equal(model.gamma, start)


def test_dropout_before_the_hops(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model = GPRGNN(3, 2, 4, dropout=0.3, hop_dropout=0.7)
    model(torch.tensor(X).float(), graph())
    assert shapes[2:] == [((5, 2), 0.7, True)]


def test_bad_input():
    with pytest.raises(InputError, match=r'alpha .* \(got 2\)'):
        GPRGNN(3, 2, alpha=2)
