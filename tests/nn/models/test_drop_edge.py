from __future__ import annotations

import pytest
import torch

from graphsparse import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import DropEdge
from graphsparse.nn.models.drop_edge import drop_edges
from tests.helpers import arcs_of, random_graph

from .dense import X, graph, recorded_dropout


def test_drops_an_exact_share_in_pairs():
    edge_index = random_graph(30, 101)
    adj = to_adjacency(edge_index, 30)
    torch.manual_seed(0)
    part, other = drop_edges(adj, 0.3), drop_edges(adj, 0.3)
    assert part.num_edges == 101 - 30 and part.undirected
    left = arcs_of(part.to_edge_index())
    assert left == sorted((v, u) for u, v in left)
    assert left != arcs_of(other.to_edge_index())


def test_every_edge_is_dropped_as_often():
    adj = to_adjacency(random_graph(8, 10), 8)
    torch.manual_seed(0)
    count = torch.zeros(adj.num_input)
    for _ in range(400):
        count[drop_edges(adj, 0.4).kept_ids()] += 1
    share = count / 400
    assert (share - 0.6).abs().max() < 5 * (0.24 / 400) ** 0.5


@pytest.mark.parametrize('weighted', [False, True])
def test_trains_on_the_rest_alone_and_tests_on_all(weighted):
    edge_index, x = random_graph(12, 20), torch.randn(12, 3)
    weight = torch.rand(edge_index.size(1) // 2).repeat(2) if weighted else None
    adj = to_adjacency(edge_index, 12, weight)
    model = DropEdge(3, 2, 4, 3, dropout=0.0, edge_dropout=0.5)
    torch.manual_seed(5)
    out = model(x, edge_index, weight)
    torch.manual_seed(5)
    part = drop_edges(adj, 0.5)
    model.eval()
    torch.testing.assert_close(out, model(x, part))
    left = part.to_edge_index(), None if weight is None else weight[part.kept_ids()]
    torch.testing.assert_close(out, model(x, *left))
    assert not torch.allclose(out, model(x, adj))
    torch.testing.assert_close(model(x, edge_index, weight), model(x, adj))


def test_dropout_is_on_the_input_of_every_layer(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    DropEdge(3, 2, 4, dropout=0.3)(torch.tensor(X).float(), graph())
    assert shapes == [((5, 3), 0.3, True), ((5, 4), 0.3, True)]


def test_bad_input():
    with pytest.raises(InputError, match=r'edge_dropout .* \(got 1.0\)'):
        DropEdge(3, 2, edge_dropout=1.0)
