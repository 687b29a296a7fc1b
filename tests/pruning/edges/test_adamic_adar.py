import math

import networkx as nx
import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.adamic_adar import AdamicAdarScore
from tests.helpers import FIVE, both_ways


def test_five_nodes():
    score = AdamicAdarScore()(to_adjacency(both_ways(FIVE), 5))
    two, three = 1 / math.log(2), 1 / math.log(3)
    assert score.tolist() == pytest.approx([two, two, 0, three, 0])


def test_networkx():
    graph = nx.gnm_random_graph(60, 300, seed=1)
    pairs = sorted((min(e), max(e)) for e in graph.edges)
    expected = [value for _, _, value in nx.adamic_adar_index(graph, pairs)]
    found = AdamicAdarScore()(to_adjacency(graph)).tolist()
    assert found == pytest.approx(expected, rel=1e-12)


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match='two node sets'):
        AdamicAdarScore()(to_adjacency(torch.tensor([[0], [0]]), (3, 2)))
