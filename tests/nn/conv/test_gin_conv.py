from __future__ import annotations

import pytest
import torch

from graphsparse.nn import GINConv

from .parity import (
    FEATURES,
    GRAPHS,
    assert_parity,
    assert_parity_on_all_graphs,
    features,
    refuse_pyg,
    twin,
)


def mlp():
    return torch.nn.Sequential(
        torch.nn.Linear(FEATURES, 4), torch.nn.ReLU(), torch.nn.Linear(4, 3)
    )


@pytest.mark.parametrize('aggr', ['add', 'mean', 'max', 'min'])
@pytest.mark.parametrize('options', [{}, {'eps': 0.3}, {'eps': 0.3, 'train_eps': True}])
def test_equals_pyg(options, aggr):
    assert_parity_on_all_graphs(twin(GINConv, mlp(), aggr=aggr, **options))


@pytest.mark.parametrize('aggr', ['add', 'mean', 'max', 'min'])
def test_runs_on_our_kernels(aggr, monkeypatch):
    refuse_pyg(monkeypatch, GINConv)
    num_nodes, edge_index = GRAPHS['undirected']
    conv = GINConv(mlp(), aggr=aggr)
    conv(features(num_nodes, FEATURES).float(), edge_index)
    conv((torch.ones(3, FEATURES), None), torch.tensor([[2], [0]]), size=(3, 1))


@pytest.mark.parametrize('aggr', ['mul', 'std', ['sum', 'max']], ids=str)
def test_other_aggregations_equal_pyg(aggr):
    nn = torch.nn.Linear(FEATURES, 3) if isinstance(aggr, str) else torch.nn.Identity()
    pair = twin(GINConv, nn, aggr=aggr)
    num_nodes, edge_index = GRAPHS['directed']
    x = features(num_nodes, FEATURES)
    # Targets would have to be as wide as two aggregations side by side.
    assert_parity(pair, (x, x) if isinstance(aggr, str) else (x, None), edge_index)


@pytest.mark.parametrize('sizes', [(6, 4), (4, 6)], ids=str)
@pytest.mark.parametrize('targets', [True, False])
def test_two_node_sets_equal_pyg(sizes, targets):
    edge_index = torch.tensor([[0, 3, 1, 1, 2, 0], [3, 3, 0, 1, 1, 0]])
    x = (
        features(sizes[0], FEATURES),
        features(sizes[1], FEATURES, seed=1) if targets else None,
    )
    pair = twin(GINConv, mlp(), eps=0.5)
    assert_parity(pair, x, edge_index, size=sizes)
    if targets:
        assert_parity(pair, x, edge_index)


def test_weights_are_ignored_as_in_pyg():
    from graphsparse.graph import to_adjacency

    num_nodes, edge_index = GRAPHS['undirected']
    x, conv = features(num_nodes, FEATURES), GINConv(mlp()).double()
    adj = to_adjacency(edge_index, num_nodes)
    weighted = adj.with_weight(torch.rand(edge_index.size(1)))
    assert torch.equal(conv(x, weighted), conv(x, adj))
