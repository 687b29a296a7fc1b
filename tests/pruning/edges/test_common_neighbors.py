import networkx as nx
import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.common_neighbors import CommonNeighborsScore
from tests.helpers import FIVE, both_ways


def test_five_nodes():
    score = CommonNeighborsScore()(to_adjacency(both_ways(FIVE), 5))
    assert score.tolist() == [1, 1, 0, 1, 0]


def test_each_triangle_is_counted_at_its_three_edges():
    graph = nx.gnm_random_graph(50, 300, seed=3)
    score = CommonNeighborsScore()(to_adjacency(graph))
    assert score.sum() == sum(nx.triangles(graph).values())
    assert score.sum() > 100


def test_directed_neighbours_are_sources():
    # 0 and 1 both hear 2; 3 hears 0.
    arcs = torch.tensor([[2, 2, 0, 0], [0, 1, 1, 3]])
    adj = to_adjacency(arcs, 4)
    found = dict(
        zip(
            zip(adj.col.tolist(), adj.row().tolist(), strict=True),
            CommonNeighborsScore()(adj).tolist(),
            strict=True,
        )
    )
    assert found == {(2, 0): 0, (2, 1): 0, (0, 1): 1, (0, 3): 0}


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match='two node sets'):
        CommonNeighborsScore()(to_adjacency(torch.tensor([[0], [0]]), (3, 2)))
