import pytest
import torch
from hypothesis import given

from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.ends import edge_ends, sum_over_twins
from tests.helpers import FIVE, both_ways, graphs, modest


def test_the_smaller_node_first():
    adj = to_adjacency(both_ways(FIVE).flip(1), 5)
    assert edge_ends(adj).t().tolist() == [list(pair) for pair in FIVE]


def test_arcs_as_target_and_source():
    adj = to_adjacency(torch.tensor([[0, 2], [1, 0]]), 3)
    assert edge_ends(adj).tolist() == [[0, 1], [2, 0]]


@modest
@given(graphs())
def test_sums_over_the_arcs_of_an_edge(graph):
    adj = to_adjacency(*graph)
    per_arc = torch.arange(1.0, adj.num_arcs + 1).double() ** 2
    expected = per_arc.new_zeros(adj.num_edges).index_add(0, adj.edge(), per_arc)
    assert sum_over_twins(adj, per_arc).tolist() == pytest.approx(expected.tolist())
