from __future__ import annotations

import torch

from graphsparse.graph import to_adjacency
from graphsparse.nn.models.decoupled import Decoupled

from .dense import X, graph, recorded_dropout


class Nothing(Decoupled):
    def propagate(self, matrix, h):
        self.seen = matrix
        return h


def test_maps_first_and_hands_on_the_normalised_graph(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model, x = Nothing(3, 2, 4, 7, 0.3), torch.tensor(X).float()
    adj = to_adjacency(graph(), 5)
    out = model(x, adj)
    first, second = model.lins
    torch.testing.assert_close(out, second(first(x).relu()))
    assert shapes == [((5, 3), 0.3, True), ((5, 4), 0.3, True)]
    assert model.seen is adj.normalize()  # made once
    assert model.layer_sizes() == [(3, 4), (4, 2)]
    assert model.propagation_widths() == [2] * 7
    assert len(model.convs) == 0
