import pytest
import torch
from hypothesis import given

from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.degree import DegreeScore
from tests.helpers import FIVE, both_ways, graphs, modest


def test_five_nodes():
    score = DegreeScore()(to_adjacency(both_ways(FIVE), 5))
    assert score.tolist() == pytest.approx([1 / 6, 1 / 6, 1 / 6, 1 / 4, 1 / 2])


def test_self_loops_do_not_count():
    looped = both_ways([*FIVE, (0, 0), (3, 3)])
    plain = DegreeScore()(to_adjacency(both_ways(FIVE), 5))
    assert torch.equal(DegreeScore()(to_adjacency(looped, 5)), plain)


@modest
@given(graphs())
def test_out_degree_of_the_source_by_in_degree_of_the_target(graph):
    edge_index, num_nodes = graph
    arcs = [(u, v) for u, v in edge_index.t().tolist() if u != v]
    adj = to_adjacency(edge_index, num_nodes)
    slot = adj.edge_slot()
    ends = zip(adj.col[slot].tolist(), adj.row()[slot].tolist(), strict=True)
    product = [
        sum(u == w for w, _ in arcs) * sum(v == w for _, w in arcs) for u, v in ends
    ]
    assert DegreeScore()(adj).tolist() == pytest.approx([1 / p for p in product])
    assert DegreeScore(reverse=True)(adj).tolist() == product


def test_hubs_go_first_or_last():
    adj = to_adjacency(both_ways([(0, 1), (0, 2), (0, 3), (1, 2), (4, 5)]), 6)
    keep = select_edges(adj, DegreeScore()(adj), sparsity=0.4)
    assert keep.tolist() == [False, False, True, True, True]
    keep = select_edges(adj, DegreeScore(reverse=True)(adj), sparsity=0.2)
    assert keep.tolist() == [True, True, True, True, False]
