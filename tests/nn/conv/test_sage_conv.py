from __future__ import annotations

import itertools

import pytest
import torch

from graphsparse.nn import SAGEConv

from .parity import (
    FEATURES,
    GRAPHS,
    assert_parity,
    assert_parity_on_all_graphs,
    features,
    refuse_pyg,
    twin,
)


@pytest.mark.parametrize('aggr', ['mean', 'sum', 'max', 'min'])
@pytest.mark.parametrize(
    ('normalize', 'root_weight', 'project', 'bias'),
    list(itertools.product([False, True], repeat=4)),
)
def test_equals_pyg(aggr, normalize, root_weight, project, bias):
    pair = twin(
        SAGEConv,
        FEATURES,
        3,
        aggr=aggr,
        normalize=normalize,
        root_weight=root_weight,
        project=project,
        bias=bias,
    )
    if normalize:  # a row of zeros has no direction, and its gradient no limit
        num_nodes, edge_index = GRAPHS['undirected']
        assert_parity(pair, features(num_nodes, FEATURES), edge_index)
    else:
        assert_parity_on_all_graphs(pair)


@pytest.mark.parametrize('aggr', ['mean', 'sum', 'max', 'min'])
def test_runs_on_our_kernels(aggr, monkeypatch):
    refuse_pyg(monkeypatch, SAGEConv)
    num_nodes, edge_index = GRAPHS['undirected']
    conv = SAGEConv(FEATURES, 3, aggr)
    conv(features(num_nodes, FEATURES).float(), edge_index)
    conv((torch.ones(3, FEATURES), torch.ones(1, FEATURES)), torch.tensor([[2], [0]]))


@pytest.mark.parametrize('aggr', ['lstm', 'std', ['mean', 'max']], ids=str)
def test_other_aggregations_equal_pyg(aggr):
    num_nodes, edge_index = GRAPHS['directed']
    edge_index = edge_index[:, edge_index[1].argsort()]  # LSTM wants sorted targets
    pair = twin(SAGEConv, FEATURES, 3, aggr=aggr)
    assert_parity(pair, features(num_nodes, FEATURES), edge_index)


def test_equal_neighbours_share_the_gradient_of_a_maximum_as_in_pyg():
    pair = twin(SAGEConv, FEATURES, 3, aggr='max')
    for num_nodes, edge_index in GRAPHS.values():
        x = features(num_nodes, FEATURES).sign()  # ties everywhere
        assert_parity(pair, x, edge_index)


@pytest.mark.parametrize('sizes', [(6, 4), (4, 6), (5, 5)], ids=str)
@pytest.mark.parametrize('aggr', ['mean', 'max', 'min'])
def test_two_node_sets_equal_pyg(sizes, aggr):
    edge_index = torch.tensor([[0, 3, 1, 1, 2, 0], [3, 3, 0, 1, 1, 0]])
    pair = twin(SAGEConv, (FEATURES, 2), 3, aggr=aggr)
    source, target = features(sizes[0], FEATURES), features(sizes[1], 2)
    assert_parity(pair, (source, target), edge_index)
    assert_parity(pair, (source, target), edge_index, size=sizes)
    assert_parity(pair, (source, None), edge_index, size=sizes)


def test_lazy_sizes():
    num_nodes, edge_index = GRAPHS['undirected']
    conv = SAGEConv((-1, -1), 3)
    assert conv(features(num_nodes, FEATURES).float(), edge_index).shape == (8, 3)
    assert conv.lin_l.weight.shape == (3, FEATURES)
