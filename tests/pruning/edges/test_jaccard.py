import networkx as nx
import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.jaccard import JaccardScore
from tests.helpers import FIVE, both_ways, graphs, modest


def test_five_nodes():
    score = JaccardScore()(to_adjacency(both_ways([*FIVE, (0, 0), (4, 4)]), 5))
    assert score.tolist() == pytest.approx([1 / 4, 1 / 4, 0, 1 / 3, 0])


def test_networkx():
    graph = nx.gnm_random_graph(60, 300, seed=1)
    adj = to_adjacency(graph)
    pairs = sorted((min(e), max(e)) for e in graph.edges)
    expected = [value for _, _, value in nx.jaccard_coefficient(graph, pairs)]
    assert JaccardScore()(adj).tolist() == pytest.approx(expected, rel=1e-15)


@modest
@given(graphs())
def test_neighbours_are_sets_of_sources(graph):
    edge_index, num_nodes = graph
    arcs = [(u, v) for u, v in edge_index.t().tolist() if u != v]
    near = [{u for u, v in arcs if v == w} for w in range(num_nodes)]
    adj = to_adjacency(edge_index, num_nodes)
    slot = adj.edge_slot()
    expected = [
        len(near[u] & near[v]) / max(1, len(near[u] | near[v]))
        for u, v in zip(adj.col[slot].tolist(), adj.row()[slot].tolist(), strict=True)
    ]
    assert JaccardScore()(adj).tolist() == pytest.approx(expected)


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match=r"JaccardScore\(\) .*two node sets.*'teddy'"):
        JaccardScore()(to_adjacency(torch.tensor([[0, 1], [0, 0]]), (3, 2)))
