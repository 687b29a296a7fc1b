"""What every edge score has to hold, whatever its idea."""

import inspect
from itertools import pairwise
from pathlib import Path

import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import find
from graphsparse.graph import to_adjacency
from graphsparse.pruning import (
    Distribution,
    EdgeScore,
    Schedule,
    score_edges,
    select_edges,
)
from graphsparse.pruning.budget import count_removed
from tests.helpers import FIVE, arcs_of, both_ways, random_graph

TESTS = Path(__file__).parents[1]
NO_EDGES = torch.empty(2, 0, dtype=torch.int64)


def with_loops(edge_index, *nodes):
    return torch.cat([edge_index, torch.tensor([nodes, nodes])], dim=1)


GRAPHS = {
    'as many edges as nodes': (both_ways(FIVE), 5),
    'random': (random_graph(30, 60, seed=1), 30),
    'isolated nodes': (both_ways(FIVE), 9),
    'self-loops': (with_loops(both_ways(FIVE), 2, 0, 4, 2), 5),
    'parallel edges': (both_ways([*FIVE, (0, 1), (0, 1), (3, 4)]), 5),
    'as many arcs as nodes': (both_ways([(0, 1), (2, 3)]), 4),
    'star': (both_ways([(0, v) for v in range(1, 8)]), 8),
    'directed': (random_graph(30, 60, seed=2, undirected=False), 30),
    'directed, loops': (with_loops(torch.tensor([[0, 1, 1], [1, 2, 2]]), 1, 3), 5),
    'only loops': (with_loops(NO_EDGES, 0, 2), 3),
    'no edges': (NO_EDGES, 4),
    'no nodes': (NO_EDGES, 0),
}


def pytest_generate_tests(metafunc):
    # Asked here, not at import: a class is known as soon as it is defined.
    if 'name' in metafunc.fixturenames:
        metafunc.parametrize('name', list(find(EdgeScore)))
    if 'graph' in metafunc.fixturenames:
        metafunc.parametrize('graph', GRAPHS.values(), ids=list(GRAPHS))


@pytest.fixture
def score(name):
    return find(EdgeScore)[name]()


def features(num_nodes):
    return torch.rand(num_nodes, 6, generator=torch.Generator().manual_seed(num_nodes))


def read(graph):
    edge_index, num_nodes = graph
    return to_adjacency(edge_index, num_nodes), features(num_nodes)


def draws(score, adj, x):
    """Whether it draws numbers: then only its seed can be held to anything."""
    return not torch.equal(score(adj, x, 0), score(adj, x, 1))


def shuffle(size, seed=0):
    return torch.randperm(size, generator=torch.Generator().manual_seed(seed))


def selections(adj, score):
    for sparsity in (0.0, 0.2, 0.5, 0.9):
        yield sparsity, select_edges(adj, score, sparsity=sparsity)


def test_one_finite_number_for_each_edge(score, graph):
    adj, x = read(graph)
    for each in (adj, adj.as_directed()):
        worth = score(each, x)
        assert worth.dtype == torch.float64
        assert worth.shape == (each.num_edges,)
        assert worth.isfinite().all()
        assert not worth.requires_grad


def test_same_seed_same_bits(score, graph):
    adj, x = read(graph)
    for seed in (0, 1):
        fresh = to_adjacency(*graph)
        assert torch.equal(score(adj, x, seed), score(fresh, x.clone(), seed))


def test_other_names_for_the_nodes_change_no_score(score, graph):
    edge_index, num_nodes = graph
    adj, x = read(graph)
    if draws(score, adj, x):
        pytest.skip('draws numbers')
    new = shuffle(num_nodes)
    renamed = to_adjacency(new[edge_index], num_nodes)
    moved = torch.empty_like(x)
    moved[new] = x
    expected = adj.to_caller(score(adj, x), loops=0)
    found = renamed.to_caller(score(renamed, moved), loops=0)
    if score.chooses_among_equals:  # then only what is chosen is worth as much
        expected, found = expected.sort().values, found.sort().values
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-12)


def test_another_order_of_the_edges_keeps_the_same_edges(score, graph):
    edge_index, num_nodes = graph
    other = edge_index[:, shuffle(edge_index.size(1))]
    adj, x = read(graph)
    shuffled = to_adjacency(other, num_nodes)
    a, b = score(adj, x), score(shuffled, x)
    assert torch.equal(a, b)
    for (_, keep), (_, again) in zip(
        selections(adj, a), selections(shuffled, b), strict=True
    ):
        kept = edge_index[:, adj.to_caller(keep, loops=True)]
        kept_again = other[:, shuffled.to_caller(again, loops=True)]
        assert arcs_of(kept) == arcs_of(kept_again)


def test_exact_counts_twins_together_and_loops_untouched(score, graph):
    edge_index, _ = graph
    adj, x = read(graph)
    is_loop = edge_index[0] == edge_index[1]
    for sparsity, keep in selections(adj, score(adj, x)):
        assert int((~keep).sum()) == count_removed(adj.num_edges, sparsity)
        mask = adj.to_caller(keep, loops=True)
        assert mask[is_loop].all()
        arcs = 2 if adj.undirected else 1
        assert int((~mask).sum()) == arcs * int((~keep).sum())
        if adj.undirected:
            kept = edge_index[:, mask]
            assert arcs_of(kept) == arcs_of(kept.flip(0))
            assert adj.subgraph(mask).undirected


def test_over_the_callers_edges_loops_are_beyond_any_budget(score, graph):
    edge_index, num_nodes = graph
    data = Data(features(num_nodes), edge_index, num_nodes=num_nodes)
    worth = score_edges(data, score)
    is_loop = edge_index[0] == edge_index[1]
    assert worth.shape == (edge_index.size(1),)
    assert torch.equal(worth.isinf(), is_loop)


def test_what_it_reads_is_never_changed(score, graph):
    edge_index, _ = graph
    adj, x = read(graph)
    before = edge_index.clone(), x.clone()
    parts = {k: v.clone() for k, v in vars(adj).items() if torch.is_tensor(v)}
    worth = score(adj, x)
    held = worth.clone()
    for _ in range(2):
        masks = [keep for _, keep in selections(adj, worth)]
    assert torch.equal(worth, held)
    assert all((b <= a).all() for a, b in pairwise(masks))
    assert torch.equal(edge_index, before[0])
    assert torch.equal(x, before[1])
    assert all(torch.equal(getattr(adj, name), part) for name, part in parts.items())


@pytest.mark.parametrize('base', [EdgeScore, Schedule, Distribution])
def test_each_class_has_a_test_file_of_its_own(base):
    ours = [c for c in find(base).values() if c.__module__.startswith('graphsparse.')]
    assert ours
    for cls in ours:
        *folders, module = cls.__module__.split('.')[1:]
        file = TESTS.joinpath(*folders, f'test_{module}.py')
        assert file.is_file(), f'{inspect.getfile(cls)} has no test: write {file}'
        assert cls.__name__ in file.read_text()
