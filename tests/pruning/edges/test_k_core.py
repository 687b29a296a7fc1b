import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.k_core import KCoreScore
from tests.helpers import FIVE, both_ways


def test_five_nodes():
    # The triangle 0-1-2 is the 2-core; 3 and 4 hang on it.
    score = KCoreScore()(to_adjacency(both_ways(FIVE), 5))
    assert score.tolist() == [2, 2, 1, 2, 1]


def test_the_fringe_goes_first():
    clique = [(u, v) for u in range(5) for v in range(u + 1, 5)]
    adj = to_adjacency(both_ways([*clique, (4, 5), (5, 6), (6, 4), (6, 7)]), 8)
    score = KCoreScore()(adj)
    assert sorted(score.tolist()) == [1.0, *[2.0] * 3, *[4.0] * 10]
    kept = adj.keep_edges(select_edges(adj, score, keep=10))
    assert kept.degree().tolist() == [4] * 5 + [0] * 3


def test_directed_degrees_are_in_plus_out():
    cycle = torch.tensor([[0, 1, 2, 2], [1, 2, 0, 3]])
    assert KCoreScore()(to_adjacency(cycle, 4)).tolist() == [2.0, 2.0, 2.0, 1.0]


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match='joins two node sets'):
        KCoreScore()(to_adjacency(torch.tensor([[0], [0]]), (3, 2)))
