from __future__ import annotations

import itertools

import pytest
import torch

from graphsparse import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn import GATConv

from .parity import (
    FEATURES,
    GRAPHS,
    assert_close,
    assert_parity,
    assert_parity_on_all_graphs,
    features,
    refuse_pyg,
    run,
    twin,
)


@pytest.mark.parametrize(
    ('heads', 'concat', 'add_self_loops', 'residual'),
    list(itertools.product([1, 3], [False, True], [False, True], [False, True])),
)
def test_equals_pyg(heads, concat, add_self_loops, residual):
    pair = twin(
        GATConv,
        FEATURES,
        4,
        heads,
        concat,
        add_self_loops=add_self_loops,
        residual=residual,
        negative_slope=0.1,
    )
    assert_parity_on_all_graphs(pair)


@pytest.mark.parametrize(
    'options', [{'bias': False}, {'fill_value': 3.0}, {'edge_dim': 2}], ids=str
)
def test_minor_options_equal_pyg(options):
    assert_parity_on_all_graphs(twin(GATConv, FEATURES, 4, 2, **options))


def test_doubled_self_loops_equal_pyg():
    edge_index = torch.tensor([[0, 0, 1, 2, 0, 1], [0, 0, 1, 1, 2, 0]])
    for add_self_loops in (False, True):
        pair = twin(GATConv, FEATURES, 4, add_self_loops=add_self_loops)
        assert_parity(pair, features(3, FEATURES), edge_index)


def test_runs_on_our_kernels(monkeypatch):
    refuse_pyg(monkeypatch, GATConv)
    num_nodes, edge_index = GRAPHS['self-loops']
    x = features(num_nodes, FEATURES).float()
    GATConv(FEATURES, 4, 2, dropout=0.5)(x, edge_index)
    GATConv((FEATURES, 2), 4, add_self_loops=False)(
        (x, torch.ones(2, 2)), torch.tensor([[3], [1]])
    )


@pytest.mark.parametrize('options', [{'edge_dim': 2}, {}], ids=str)
def test_edge_attributes_equal_pyg(options):
    pair = twin(GATConv, FEATURES, 4, 2, **options)
    for num_nodes, edge_index in GRAPHS.values():
        x, edge_attr = features(num_nodes, FEATURES), features(edge_index.size(1), 2)
        wanted = run(pair[1], x, edge_index, edge_attr=edge_attr)
        adj = Adjacency.from_edge_index(edge_index, num_nodes)
        for graph in (edge_index, adj):
            assert_close(run(pair[0], x, graph, edge_attr=edge_attr), wanted)


def test_edge_attributes_follow_a_subgraph():
    ours, theirs = twin(GATConv, FEATURES, 4, edge_dim=2)
    num_nodes, edge_index = GRAPHS['directed']
    keep = torch.arange(edge_index.size(1)) % 2 == 0
    x, edge_attr = features(num_nodes, FEATURES), features(edge_index.size(1), 2)
    part = Adjacency.from_edge_index(edge_index, num_nodes).subgraph(keep)
    wanted = theirs(x, edge_index[:, keep], edge_attr[keep])
    torch.testing.assert_close(ours(x, part, edge_attr), wanted)
    with pytest.raises(InputError, match='got 1'):
        ours(x, part, edge_attr[:1])


def test_attention_weights_are_those_of_pyg():
    ours, theirs = twin(GATConv, FEATURES, 4, 2)
    num_nodes, edge_index = GRAPHS['self-loops']
    x = features(num_nodes, FEATURES)
    wanted = theirs(x, edge_index, return_attention_weights=True)
    for graph in (edge_index, Adjacency.from_edge_index(edge_index, num_nodes)):
        out, (ends, weights) = ours(x, graph, return_attention_weights=True)
        torch.testing.assert_close(out, wanted[0])
        assert torch.equal(ends, wanted[1][0])
        torch.testing.assert_close(weights, wanted[1][1])


@pytest.mark.parametrize('add_self_loops', [False, True])
@pytest.mark.parametrize('sizes', [(6, 4), (4, 6), (5, 5)], ids=str)
@pytest.mark.parametrize('channels', [FEATURES, (FEATURES, FEATURES)], ids=str)
def test_two_node_sets_equal_pyg(sizes, add_self_loops, channels):
    edge_index = torch.tensor([[0, 3, 1, 1, 2, 0], [3, 3, 0, 1, 1, 0]])
    pair = twin(GATConv, channels, 4, 2, add_self_loops=add_self_loops, residual=True)
    source, target = features(sizes[0], FEATURES), features(sizes[1], FEATURES, seed=1)
    assert_parity(pair, (source, target), edge_index)
    assert_parity(pair, (source, target), edge_index, size=sizes)
    if sizes[0] >= sizes[1]:  # else PyG itself counts too few targets
        assert_parity(pair, (source, None), edge_index, size=sizes)
    if sizes[0] == sizes[1]:
        assert_parity(pair, source, edge_index)
        assert_parity(pair, (source, None), edge_index)


def test_a_softmax_of_large_scores_is_finite():
    ours, theirs = twin(GATConv, FEATURES, 4)
    num_nodes, edge_index = GRAPHS['undirected']
    # A gradient that is 0 in theory is the difference of two numbers of 1e8 here.
    x = features(num_nodes, FEATURES) * 1e4
    assert_parity((ours, theirs), x, edge_index, tol=1e-6)


def test_dropout_is_on_the_attention_and_only_in_training():
    conv = GATConv(1, 1, dropout=0.5, bias=False).double()
    star = torch.stack([torch.arange(1, 5000), torch.zeros(4999, dtype=torch.int64)])
    x = torch.ones(5000, 1).double()
    with torch.no_grad():
        conv.lin.weight.fill_(1)
        whole = conv.eval()(x, star)
        torch.testing.assert_close(whole, x)
        dropped = conv.train()(x, star)
        # Leaves have their loop alone: there or not, and twice as heavy if there.
        assert set(dropped[1:].flatten().tolist()) == {0.0, 2.0}
        assert abs(dropped[1:].mean() - 1) < 0.1
        # The hub has 5000 shares of 1 / 5000, of which half are dropped.
        assert abs(dropped[0] - 1) < 0.1


def test_autocast_equals_pyg():
    ours, theirs = (c.float() for c in twin(GATConv, FEATURES, 4, 2))
    num_nodes, edge_index = GRAPHS['undirected']
    x = features(num_nodes, FEATURES).float()
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index))
