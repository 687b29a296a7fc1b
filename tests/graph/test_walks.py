import networkx as nx
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from graphsparse.engine import InputError
from graphsparse.graph import katz, personalized_pagerank, to_adjacency, walks
from graphsparse.graph.walks import pagerank_from
from tests.helpers import FIVE, both_ways, graphs, modest


def all_pairs(num_nodes):
    return torch.cartesian_prod(*[torch.arange(num_nodes)] * 2).t()


def dense(edge_index, num_nodes):
    """1 where an arc goes from row to column, loops apart."""
    out = torch.zeros(num_nodes, num_nodes, dtype=torch.float64)
    out[edge_index[0], edge_index[1]] = 1
    return out.fill_diagonal_(0)


@modest
@given(graphs())
def test_katz_is_the_dense_inverse(graph):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    eye = torch.eye(num_nodes, dtype=torch.float64)
    expected = torch.linalg.inv(eye - 0.1 * dense(edge_index, num_nodes)) - eye
    found = katz(adj, all_pairs(num_nodes), beta=0.1)
    assert_close(found, expected.flatten(), rtol=0, atol=1e-8)


def networks():
    for seed in range(2):
        yield nx.gnm_random_graph(40, 60, seed=seed)  # with nodes that are alone
        yield nx.gnm_random_graph(30, 60, seed=seed, directed=True)
    yield nx.star_graph(20)


@pytest.mark.parametrize('graph', list(networks()))
def test_pagerank_is_that_of_networkx(graph, monkeypatch):
    adj = to_adjacency(graph)
    pairs = all_pairs(adj.num_nodes)
    pairs = pairs[:, torch.randperm(pairs.size(1))[:300]]
    expected = [
        nx.pagerank(graph, personalization={u: 1.0}, tol=1e-12, max_iter=1000)[v]
        for u, v in pairs.t().tolist()
    ]
    for size in (walks._BLOCK_BYTES, 9 * 8 * adj.num_nodes, 0):  # 9 sources at once, 8
        monkeypatch.setattr(walks, '_BLOCK_BYTES', size)
        found = personalized_pagerank(adj, pairs)
        assert_close(
            found, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-8
        )


@pytest.mark.parametrize('graph', list(networks()))
@pytest.mark.parametrize('alpha', [0.0, 0.5, 0.85, 0.99])
def test_errors_of_a_walk_add_up_to_the_tolerance(graph, alpha):
    adj = to_adjacency(graph)
    matrix = torch.from_numpy(nx.to_numpy_array(graph)).double()
    steps = matrix / matrix.sum(1, keepdim=True).clamp(min=1)
    every, eye = torch.arange(adj.num_nodes), torch.eye(adj.num_nodes).double()
    # Where no arc goes on it begins anew: what is lost there, in proportion.
    exact = torch.linalg.inv(eye - alpha * steps.t()) * (1 - alpha)
    exact /= exact.sum(0)
    for tol in (1e-2, 1e-6):
        found = pagerank_from(adj, every, alpha, tol)
        assert float((found - exact).abs().sum(0).max()) <= tol


def test_parallel_arcs_loops_and_weights_do_not_count():
    arcs = both_ways(FIVE)
    more = torch.cat([arcs, arcs[:, :2], torch.tensor([[2], [2]])], dim=1)
    one = to_adjacency(arcs, 5)
    two = to_adjacency(more, 5, torch.rand(more.size(1)))
    pairs = all_pairs(5)
    for score in (katz, personalized_pagerank):
        assert_close(score(one, pairs), score(two, pairs), rtol=0, atol=1e-15)


def test_no_pair_has_no_score():
    adj = to_adjacency(both_ways(FIVE), 5)
    assert katz(adj, all_pairs(5)[:, :0]).shape == (0,)
    assert personalized_pagerank(adj, all_pairs(5)[:, :0]).shape == (0,)


def test_bad_factors_and_pairs_are_refused():
    adj = to_adjacency(both_ways(FIVE), 5)
    pairs = all_pairs(5)
    with pytest.raises(InputError, match=r'beta=0.6.* about 2.21'):
        katz(adj, pairs, beta=0.6)
    with pytest.raises(InputError, match=r'above 0 .got 0'):
        katz(adj, pairs, beta=0)
    with pytest.raises(InputError, match=r'alpha .*got 1'):
        personalized_pagerank(adj, pairs, alpha=1)
    with pytest.raises(InputError, match=r'pairs\[0, 0\] is 9'):
        katz(adj, torch.tensor([[9], [0]]))
