from __future__ import annotations

import pytest
import torch
from torch_geometric import EdgeIndex

from graphsparse import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn import GATConv, GCNConv, SAGEConv
from graphsparse.nn.conv.inputs import count_nodes, still_there

from .parity import FEATURES, GRAPHS, features

NODES, EDGES = GRAPHS['undirected']


def test_count_nodes():
    x, y = torch.ones(4, 2), torch.ones(3, 2)
    edge_index = torch.tensor([[3], [1]])
    assert count_nodes(edge_index, x, x) == (4, 4)
    assert count_nodes(edge_index, x, y) == (4, 3)
    assert count_nodes(edge_index, x, None) == (4, 4)
    assert count_nodes(edge_index, x, None, (4, 9)) == (4, 9)
    assert count_nodes(edge_index, x, y, (3, 4)) is None
    assert count_nodes(edge_index, x.long(), y) is None
    assert count_nodes(edge_index, x.unsqueeze(0), y) is None
    assert count_nodes(EdgeIndex(edge_index, sparse_size=(4, 2)), x, None) == (4, 2)
    assert count_nodes(EdgeIndex(edge_index, sparse_size=(4, 2)), x, x) is None
    assert count_nodes(Adjacency.from_edge_index(edge_index, (4, 2)), x, None) == (4, 2)


@pytest.mark.parametrize(
    'x', [torch.ones(3, 5), torch.ones(9, 5), (torch.ones(8, 5), torch.ones(7, 5))]
)
def test_an_x_that_is_not_of_the_graph_is_an_error(x):
    adj = Adjacency.from_edge_index(EDGES, NODES)
    with pytest.raises(InputError, match='but the graph is Adjacency'):
        SAGEConv(FEATURES, 3)(x, adj)
    with pytest.raises(InputError, match=r'size is \(8, 2\)'):
        SAGEConv(FEATURES, 3)(torch.ones(8, 5), adj, size=(8, 2))


def test_an_edge_to_nowhere_is_an_error():
    with pytest.raises(InputError, match=r'edge_index\[0, 1\] is 4'):
        GCNConv(FEATURES, 3)(torch.ones(4, 5), torch.tensor([[0, 4], [1, 1]]))


def test_all_layers_and_epochs_share_one_conversion(monkeypatch):
    made, make = [], Adjacency.from_edge_index
    monkeypatch.setattr(
        Adjacency,
        'from_edge_index',
        staticmethod(lambda *a, **k: made.append(1) or make(*a, **k)),
    )
    edge_index, x = EDGES.clone(), features(NODES, FEATURES).float()
    for _ in range(2):
        for cls in (GCNConv, SAGEConv, GATConv):
            cls(FEATURES, 3)(x, edge_index)
    assert len(made) == 1
    edge_index[:, 0] = edge_index[:, 1]
    GCNConv(FEATURES, 3)(x, edge_index)
    assert len(made) == 2


@pytest.mark.parametrize('cls', [GCNConv, SAGEConv, GATConv])
def test_training_after_inference_mode(cls):
    conv, x = cls(FEATURES, 3), features(NODES, FEATURES).float()
    for graph in (EDGES.clone(), Adjacency.from_edge_index(EDGES, NODES)):
        with torch.inference_mode():
            before = conv(x, graph)
        after = conv(x, graph)
        after.sum().backward()
        torch.testing.assert_close(after, before)


@pytest.mark.parametrize('normalize', [True, False])
def test_training_on_weights_after_inference_mode(normalize):
    conv = GCNConv(FEATURES, 3, normalize=normalize)
    x, weight = features(NODES, FEATURES).float(), torch.rand(EDGES.size(1))
    with torch.inference_mode():
        before = conv(x, EDGES, weight)
    after = conv(x, EDGES, weight)
    after.sum().backward()
    torch.testing.assert_close(after, before)


def test_an_edge_index_made_in_inference_mode():
    conv, x = GCNConv(FEATURES, 3), features(NODES, FEATURES).float()
    with torch.inference_mode():
        edge_index = EDGES.clone()
        first = conv(x, edge_index)
        edge_index[:, 0] = edge_index[:, 1]
        assert not torch.equal(conv(x, edge_index), first)
        weight = torch.ones(EDGES.size(1))
        torch.testing.assert_close(conv(x, EDGES, weight), conv(x, EDGES))
    conv(x, edge_index).sum().backward()


def test_still_there():
    keep = torch.tensor([True, False, True])
    edge_index = torch.tensor([[0, 1, 2], [1, 1, 0]])
    part = Adjacency.from_edge_index(edge_index, 3).subgraph(keep)
    entries = torch.tensor([7, 8, 9])
    assert still_there(part, entries).tolist() == [7, 9]
    assert still_there(edge_index, entries) is entries
    assert still_there(part, None) is None
