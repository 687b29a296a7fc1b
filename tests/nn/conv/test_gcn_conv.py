from __future__ import annotations

import itertools

import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn import GCNConv, accelerate

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

OPTIONS = [
    {'normalize': False},
    *(
        {'improved': improved, 'add_self_loops': loops, 'bias': bias}
        for improved, loops, bias in itertools.product([False, True], repeat=3)
    ),
    {'cached': True},
]


@pytest.mark.parametrize('options', OPTIONS, ids=str)
def test_equals_pyg(options, monkeypatch):
    assert_parity_on_all_graphs(
        twin(GCNConv, FEATURES, 3, **options | {'cached': False})
    )
    refuse_pyg(monkeypatch, GCNConv)
    num_nodes, edge_index = GRAPHS['self-loops']
    GCNConv(FEATURES, 3, **options)(features(num_nodes, FEATURES).float(), edge_index)


@pytest.mark.parametrize('options', OPTIONS[:-1], ids=str)
def test_weights_equal_pyg(options):
    pair = twin(GCNConv, FEATURES, 3, **options)
    for name, (num_nodes, edge_index) in GRAPHS.items():
        if name == 'isolated nodes' and options.get('add_self_loops') is False:
            continue  # PyG: a gradient of NaN to the weights, see below
        x, weight = features(num_nodes, FEATURES), features(edge_index.size(1)).abs()
        wanted = run(pair[1], x, edge_index, edge_weight=weight)
        adj = Adjacency.from_edge_index(edge_index, num_nodes)
        for graph in (edge_index, adj):
            assert_close(run(pair[0], x, graph, edge_weight=weight), wanted)
        held = run(pair[0], x, adj.with_weight(weight))
        wanted.pop('edge_weight')
        assert_close(held, wanted)


def test_weight_gradient_is_finite_at_isolated_nodes():
    conv = GCNConv(FEATURES, 3, add_self_loops=False).double()
    num_nodes, edge_index = GRAPHS['isolated nodes']
    result = run(
        conv, features(num_nodes, FEATURES), edge_index, edge_weight=features(4).abs()
    )
    assert all(value.isfinite().all() for value in result.values())


@pytest.mark.parametrize('options', [{}, {'normalize': False}], ids=str)
@pytest.mark.parametrize('x_type', [torch.float32, torch.float64])
@pytest.mark.parametrize('weight_type', [torch.float32, torch.float64])
def test_types_promote_as_in_pyg(options, x_type, weight_type):
    ours, theirs = (c.to(x_type) for c in twin(GCNConv, FEATURES, 3, **options))
    num_nodes, edge_index = GRAPHS['undirected']
    x = features(num_nodes, FEATURES, dtype=x_type)
    weight = features(edge_index.size(1)).abs().to(weight_type)
    assert_parity((ours, theirs), x, edge_index, 1e-6, edge_weight=weight)


def test_autocast_equals_pyg():
    ours, theirs = (c.float() for c in twin(GCNConv, FEATURES, 3))
    num_nodes, edge_index = GRAPHS['undirected']
    x = features(num_nodes, FEATURES).float()
    with torch.autocast('cpu', torch.bfloat16):
        torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index))


def test_sparse_features_equal_pyg():
    ours, theirs = twin(GCNConv, FEATURES, 3)
    num_nodes, edge_index = GRAPHS['directed']
    x = (features(num_nodes, FEATURES) * (features(num_nodes, 1) > 0)).to_sparse_csr()
    torch.testing.assert_close(ours(x, edge_index), theirs(x, edge_index))


def test_cached_follows_the_graph():
    ours, _ = twin(GCNConv, FEATURES, 3, cached=True)
    fresh = GCNConv(FEATURES, 3).double()
    fresh.load_state_dict(ours.state_dict())
    num_nodes, edge_index = GRAPHS['undirected']
    edge_index, x = edge_index.clone(), features(num_nodes, FEATURES)
    graphs = [edge_index, edge_index[:, :4], edge_index]
    # PyG's own forward has to follow too: a sparse matrix runs it.
    dense = torch.eye(num_nodes).roll(1, 0).double()
    graphs += [m.to_sparse_csr() for m in (dense, dense.roll(1, 0))] + [edge_index]
    for graph in graphs:
        torch.testing.assert_close(ours(x, graph), fresh(x, graph))
    weight = torch.ones(edge_index.size(1)).double()
    for inputs in (x, x.expand(2, *x.shape)):  # on our kernels and in PyG
        for tensor in (edge_index[0], weight):
            tensor[0] += 1
            wanted = fresh(inputs, edge_index.clone(), weight.clone())
            torch.testing.assert_close(ours(inputs, edge_index, weight), wanted)


def test_a_cache_of_pyg_from_before_is_not_read():
    theirs = pyg.GCNConv(FEATURES, 3, cached=True).double()
    num_nodes, edge_index = GRAPHS['undirected']
    x = features(num_nodes, FEATURES)
    before = theirs(x, edge_index)
    after = accelerate(theirs)(x, edge_index[:, :2])
    assert not torch.allclose(before, after)


def test_fixed_weights_are_normalised_once(monkeypatch):
    num_nodes, edge_index = GRAPHS['undirected']
    x, weight = features(num_nodes, FEATURES), torch.ones(edge_index.size(1))
    conv, calls = GCNConv(FEATURES, 3).double(), []
    with_weight = Adjacency.with_weight
    monkeypatch.setattr(
        Adjacency, 'with_weight', lambda *a: calls.append(1) or with_weight(*a)
    )
    for _ in range(3):
        conv(x, edge_index, weight)
    assert len(calls) == 1
    other = (edge_index + 1) % num_nodes  # another graph under the same weights
    torch.testing.assert_close(conv(x, other, weight), conv(x, other, weight.clone()))
    calls.clear()
    conv(x, edge_index, weight.requires_grad_()).sum().backward()
    conv(x, edge_index, weight).sum().backward()  # its graph is not used twice
    assert len(calls) == 2


def test_no_grad_does_not_take_the_gradient_away():
    num_nodes, edge_index = GRAPHS['undirected']
    adj = Adjacency.from_edge_index(edge_index, num_nodes)
    mask = torch.rand(adj.num_edges, requires_grad=True)
    conv, x = GCNConv(FEATURES, 3), features(num_nodes, FEATURES).float()
    masked = adj.with_mask(mask)
    with torch.no_grad():
        assert not conv(x, masked).requires_grad
    conv(x, masked).sum().backward()
    assert mask.grad is not None and mask.grad.abs().sum() > 0


def test_weights_of_a_subgraph_are_over_the_callers_edges():
    ours, theirs = twin(GCNConv, FEATURES, 3)
    num_nodes, edge_index = GRAPHS['self-loops']
    keep = torch.arange(edge_index.size(1)) % 3 > 0
    weight, x = features(edge_index.size(1)).abs(), features(num_nodes, FEATURES)
    wanted = theirs(x, edge_index[:, keep], weight[keep])
    part = Adjacency.from_edge_index(edge_index, num_nodes).subgraph(keep)
    torch.testing.assert_close(ours(x, part, weight), wanted)
    ours.decomposed_layers = 2  # and so they are where PyG's own forward runs
    torch.testing.assert_close(ours(x, part, weight), wanted)
    torch.testing.assert_close(ours(x, part.with_weight(weight)), wanted)


def test_refuses_what_pyg_refuses():
    conv, x = GCNConv(FEATURES, 3), torch.ones(4, FEATURES)
    with pytest.raises(ValueError, match='bipartite'):
        conv((x, x), torch.zeros(2, 0, dtype=torch.int64))
    rectangular = Adjacency.from_edge_index(torch.tensor([[0], [1]]), (4, 2))
    with pytest.raises(InputError, match='4 rows for sources and 4 for targets'):
        conv(x, rectangular)
    with pytest.raises(InputError, match='each of the 1 edges'):
        conv(x, torch.tensor([[0], [1]]), torch.ones(2))
    with pytest.raises(ValueError, match='adding self-loops'):
        GCNConv(FEATURES, 3, add_self_loops=True, normalize=False)
