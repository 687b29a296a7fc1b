from __future__ import annotations

import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse import InputError
from graphsparse.nn import APPNP
from tests.helpers import random_graph

from .dense import X, graph, recorded_dropout


@pytest.mark.parametrize('weighted', [False, True])
def test_is_pygs_layer_after_the_same_maps(weighted):
    edge_index, x = random_graph(20, 40), torch.randn(20, 3).double()
    weight = torch.rand(edge_index.size(1)).double() if weighted else None
    model = APPNP(3, 2, 4, 6, alpha=0.2).double().eval()
    first, second = model.lins
    h = second(first(x).relu())
    wanted = pyg.APPNP(6, 0.2)(h, edge_index, weight)
    torch.testing.assert_close(model(x, edge_index, weight), wanted)


def test_entries_of_the_graph_are_dropped_in_every_hop(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model = APPNP(3, 2, 4, 3, dropout=0.3, edge_dropout=0.7)
    model(torch.tensor(X).float(), graph())
    entries = graph().size(1) + 5
    assert shapes[:2] == [((5, 3), 0.3, True), ((5, 4), 0.3, True)]
    assert shapes[2:] == [((entries,), 0.7, True)] * 3


def test_a_graph_without_edges_keeps_what_was_predicted():
    model, x = APPNP(3, 2, 4).eval(), torch.randn(5, 3)
    first, second = model.lins
    empty = torch.empty(2, 0, dtype=torch.int64)
    torch.testing.assert_close(model(x, empty), second(first(x).relu()))


def test_bad_input():
    with pytest.raises(InputError, match=r'alpha .* \(got 2\)'):
        APPNP(3, 2, alpha=2)
    with pytest.raises(InputError, match=r'edge_dropout .* \(got -1\)'):
        APPNP(3, 2, edge_dropout=-1)
