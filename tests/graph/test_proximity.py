import math

import networkx as nx
import pytest
import torch
from hypothesis import given
from torch.testing import assert_close

from graphsparse.engine import InputError
from graphsparse.graph import (
    Adjacency,
    adamic_adar,
    common_neighbors,
    jaccard,
    resource_allocation,
    to_adjacency,
)
from tests.helpers import FIVE, both_ways, graphs, modest

THEIRS = {
    adamic_adar: nx.adamic_adar_index,
    resource_allocation: nx.resource_allocation_index,
    jaccard: nx.jaccard_coefficient,
}


def close(found, expected):
    expected = torch.tensor(expected, dtype=torch.float64)
    assert_close(found, expected, rtol=0, atol=1e-10)


def test_by_hand():
    adj = Adjacency.from_edge_index(both_ways(FIVE), 6)
    # 1 and 2 share 0 of degree 3; 0 and 4 share 3 of degree 2; 5 is alone.
    pairs = torch.tensor([[1, 0, 0, 5], [2, 4, 5, 5]])
    assert common_neighbors(adj, pairs).tolist() == [1, 1, 0, 0]
    close(adamic_adar(adj, pairs), [1 / math.log(3), 1 / math.log(2), 0, 0])
    close(resource_allocation(adj, pairs), [1 / 3, 1 / 2, 0, 0])
    close(jaccard(adj, pairs), [1 / 3, 1 / 3, 0, 0])


@pytest.mark.parametrize('score', THEIRS)
@pytest.mark.parametrize('seed', range(3))
def test_equal_to_networkx(score, seed):
    for graph in (
        nx.gnm_random_graph(60, 300, seed=seed),
        nx.barabasi_albert_graph(200, 2, seed=seed),  # hubs, and leaves around them
        nx.star_graph(40),
    ):
        adj = to_adjacency(graph)
        pairs = torch.combinations(torch.arange(adj.num_nodes)).t()
        theirs = [v for *_, v in THEIRS[score](graph, pairs.t().tolist())]
        close(score(adj, pairs), theirs)
        close(score(adj, pairs.flip(0)), theirs)
        count = [len(nx.common_neighbors(graph, *p)) for p in pairs.t().tolist()]
        assert common_neighbors(adj, pairs).tolist() == count


@modest
@given(graphs(undirected=True))
def test_parallel_arcs_and_loops_are_out(graph):
    edge_index, num_nodes = graph
    simple = nx.Graph(a for a in edge_index.t().tolist() if a[0] != a[1])
    simple.add_nodes_from(range(num_nodes))
    adj = Adjacency.from_edge_index(edge_index, num_nodes)
    pairs = torch.combinations(torch.arange(num_nodes)).t()
    for ours, theirs in THEIRS.items():
        close(ours(adj, pairs), [v for *_, v in theirs(simple, pairs.t().tolist())])


def test_a_node_with_itself():
    adj = Adjacency.from_edge_index(both_ways([(0, 1), (0, 2), (1, 2), (0, 3)]), 4)
    itself = torch.arange(4).expand(2, -1)
    assert common_neighbors(adj, itself).tolist() == [3, 2, 2, 1]
    # Of 0's neighbours 3 has degree 1: its term is left out.
    close(adamic_adar(adj, itself)[:1], [2 / math.log(2)])
    close(resource_allocation(adj, itself)[:1], [2.0])
    close(jaccard(adj, itself), [1.0] * 4)


def test_directed_by_the_sources_they_share():
    # 2 points to 0 and 1 and 3, 3 to 0 and 1 (twice); 0 and 1 both point to 4.
    edge_index = torch.tensor([[2, 2, 2, 3, 3, 3, 0, 1], [0, 1, 3, 0, 1, 1, 4, 4]])
    adj = Adjacency.from_edge_index(edge_index, 5)
    pairs = torch.tensor([[0, 2, 0], [1, 3, 3]])
    assert common_neighbors(adj, pairs).tolist() == [2, 0, 1]
    close(adamic_adar(adj, pairs)[0], 1 / math.log(3) + 1 / math.log(2))
    close(resource_allocation(adj, pairs), [1 / 3 + 1 / 2, 0, 1 / 3])
    close(jaccard(adj, pairs), [1.0, 0.0, 1 / 2])


def test_two_node_sets():
    adj = Adjacency.from_edge_index(torch.tensor([[4, 4, 0], [0, 1, 1]]), (5, 2))
    pair = torch.tensor([[0], [1]])
    assert common_neighbors(adj, pair).tolist() == [1]
    close(resource_allocation(adj, pair), [1 / 2])


@pytest.mark.parametrize('score', [common_neighbors, *THEIRS])
def test_nodes_that_are_not_there(score):
    adj = Adjacency.from_edge_index(both_ways(FIVE), 5)
    with pytest.raises(InputError, match=r'pairs\[1, 1\] is 5, but node ids go from 0'):
        score(adj, torch.tensor([[0, 1], [1, 5]]))
    with pytest.raises(InputError, match=r'shape \[2, edges\] \(got \[3, 2\]\)'):
        score(adj, torch.zeros(3, 2, dtype=torch.int64))
    assert score(adj, torch.empty(2, 0, dtype=torch.int64)).shape == (0,)
