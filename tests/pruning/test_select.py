import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import (
    keep_connected,
    select_edges,
    select_global,
    select_per_node,
)
from graphsparse.pruning.select import check_selection, rank_in_row
from tests.helpers import FIVE, both_ways, graphs, modest

SCORES = st.randoms(use_true_random=False)


def draw(adj, random):
    """Scores with many ties."""
    values = [float(random.randint(0, 3)) for _ in range(adj.num_edges)]
    return torch.tensor(values, dtype=torch.float64)


def test_global_keeps_the_highest_and_of_equals_the_first():
    score = torch.tensor([2.0, 1.0, 2.0, 3.0, 2.0]).double()
    assert select_global(score, 0.4).tolist() == [True, False, True, True, False]
    assert select_global(score, keep=1).nonzero().tolist() == [[3]]
    assert select_global(score, 0.5, count='ceil').sum() == 2
    assert select_global(score, 0.5, count='strict').sum() == 2


def ranks(adj, score):
    """By brute force: how many arcs into the same node come before each."""
    edge, row = adj.edge().tolist(), adj.row().tolist()
    key = [(-float(score[e]), e) for e in edge]
    return [
        sum(key[j] < key[i] and row[j] == row[i] for j in range(len(row)))
        for i in range(len(row))
    ]


@modest
@given(graphs(), SCORES)
def test_rank_among_the_arcs_of_a_node(graph, random):
    adj = to_adjacency(*graph)
    score = draw(adj, random)
    assert rank_in_row(adj, score).tolist() == ranks(adj, score)


@modest
@given(graphs(), SCORES, st.floats(0, 0.9))
def test_per_node_keeps_the_best_shares_of_ranks(graph, random, sparsity):
    adj = to_adjacency(*graph)
    score = draw(adj, random)
    before = score.clone()
    worth = [-1.0] * adj.num_edges
    for edge, row, rank in zip(
        adj.edge().tolist(), adj.row().tolist(), ranks(adj, score), strict=True
    ):
        worth[edge] = max(worth[edge], 1 - rank / int(adj.degree()[row]))
    expected = select_global(torch.tensor(worth).double(), sparsity)
    keep = select_per_node(adj, score, sparsity)
    assert torch.equal(keep, expected)
    assert int(keep.sum()) == adj.num_edges - int(adj.num_edges * sparsity + 1e-9)
    assert torch.equal(score, before)


def test_per_node_spares_what_hubs_would_take():
    clique = [(u, v) for u in range(5) for v in range(u + 1, 5)]
    adj = to_adjacency(both_ways([*clique, (5, 6)]), 7)
    score = torch.tensor([*range(20, 10, -1), 1]).double()
    assert not select_global(score, keep=6)[-1]
    assert select_per_node(adj, score, keep=6)[-1]


@modest
@given(graphs(), SCORES)
def test_connected_leaves_every_node_its_best_edge(graph, random):
    adj = to_adjacency(*graph)
    score = draw(adj, random)
    best = torch.zeros(adj.num_edges, dtype=torch.bool)
    best[adj.edge()[torch.tensor(ranks(adj, score), dtype=torch.int64) == 0]] = True
    needed = int(best.sum())
    for kept in {needed, (needed + adj.num_edges) // 2, adj.num_edges}:
        keep = keep_connected(adj, score, keep=kept)
        assert int(keep.sum()) == kept
        assert (keep | ~best).all()
        assert torch.equal(adj.keep_edges(keep).degree() > 0, adj.degree() > 0)
        chosen, left = score[keep & ~best], score[~keep]
        assert not len(chosen) or not len(left) or chosen.min() >= left.max()
    if needed:
        with pytest.raises(InputError, match=f'takes {needed} edges, but only'):
            keep_connected(adj, score, keep=needed - 1)


def test_infinite_scores_take_no_nodes_last_edge():
    adj = to_adjacency(both_ways([(0, 1), (0, 2), (1, 2), (2, 3)]), 4)
    score = torch.tensor([torch.inf, torch.inf, torch.inf, 0.0]).double()
    keep = keep_connected(adj, score, keep=3)
    assert adj.keep_edges(keep).num_isolated() == 0


def into_each(num_targets, num_sources):
    """Arcs from every source into every target."""
    ends = torch.cartesian_prod(torch.arange(num_sources), torch.arange(num_targets))
    return ends.t() + torch.tensor([[num_targets], [0]]), num_sources + num_targets


def test_the_advice_of_the_error_serves():
    adj = to_adjacency(*into_each(10000, 3))
    score = torch.rand(adj.num_edges, dtype=torch.float64)
    with pytest.raises(InputError) as error:
        keep_connected(adj, score, sparsity=0.99)
    assert 'takes 10000 edges, but only 300 of 30000 may stay' in str(error.value)
    advice = float(re.search(r'sparsity to ([0-9.]+),', str(error.value))[1])
    assert advice == 0.6666  # not 0.6667, which would be refused again
    assert keep_connected(adj, score, sparsity=advice).sum() == 10002


def test_shares_of_large_degrees_are_told_apart():
    edge_index, num_nodes = into_each(2, 9001)
    adj = to_adjacency(edge_index[:, 1:], num_nodes)
    assert adj.degree()[:2].tolist() == [9000, 9001]
    score = -torch.cat([torch.arange(9000), torch.arange(9001)]).double()
    # Second of 9001 is a better share than second of 9000, by 1e-8.
    keep = select_per_node(adj, score, keep=3)
    assert keep.nonzero().squeeze(1).tolist() == [0, 9000, 9001]


def test_selections_by_name():
    adj = to_adjacency(both_ways(FIVE), 5)
    score = torch.arange(5.0).double()
    for name, select in [('per_node', select_per_node), ('connected', keep_connected)]:
        expected = select(adj, score, keep=4)
        assert torch.equal(select_edges(adj, score, name, keep=4), expected)
    assert torch.equal(select_edges(adj, score, keep=4), select_global(score, keep=4))
    for refuse in (check_selection, lambda name: select_edges(adj, score, name, 0.5)):
        with pytest.raises(InputError, match=r"'conected'. Did you mean 'connected'"):
            refuse('conected')


@pytest.mark.parametrize('select', ['global', 'per_node', 'connected'])
@pytest.mark.parametrize('num_nodes', [0, 3])
def test_no_edges(num_nodes, select):
    adj = to_adjacency(torch.empty(2, 0, dtype=torch.int64), num_nodes)
    score = torch.empty(0, dtype=torch.float64)
    assert select_edges(adj, score, select, sparsity=0.5).shape == (0,)


def test_arcs_of_a_directed_graph_are_ranked_at_their_target():
    adj = to_adjacency(torch.tensor([[1, 2, 3], [0, 0, 2]]), 4)
    score = torch.tensor([1.0, 2.0, 0.0]).double()
    assert rank_in_row(adj, score).tolist() == [1, 0, 0]
    assert keep_connected(adj, score, keep=2).tolist() == [False, True, True]
