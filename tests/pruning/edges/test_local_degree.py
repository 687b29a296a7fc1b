import math

import pytest
import torch
from hypothesis import given

from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.local_degree import LocalDegreeScore
from tests.helpers import FIVE, both_ways, graphs, modest


def test_five_nodes():
    # Degrees 3 2 2 2 1. Node 0 has three equals, each of the others ranks 0 first
    # but 4, whose only neighbour is 3.
    score = LocalDegreeScore()(to_adjacency(both_ways(FIVE), 5))
    assert score.tolist() == [1, 1, 1, 0, 1]


def test_shares_of_the_logarithm():
    # 0 meets 1 (degree 4), 2 (3), 3 (2) and 4 (1, with a best edge of its own).
    pairs = [(0, v) for v in (1, 2, 3)] + [(1, 5), (1, 6), (1, 7), (2, 8), (2, 9)]
    pairs += [(0, 4), (3, 10)]
    clique = [(u, v) for u in range(11, 18) for v in range(u + 1, 18)]
    pairs += clique + [(v, 11) for v in (1, 2, 3, 4)]
    adj = to_adjacency(both_ways(pairs), 18)
    score = LocalDegreeScore()(adj)
    first = {pair: float(s) for pair, s in zip(ends(adj), score, strict=True)}
    # Degrees now: 0 4, 1 5, 2 4, 3 3, 4 2, 11 10; their ends rank 0 second after 11.
    assert first[0, 1] == 1
    assert first[0, 2] == 1 - min(math.log(2) / math.log(4), math.log(2) / math.log(4))
    assert first[0, 3] == pytest.approx(1 - math.log(2) / math.log(3))
    assert first[0, 4] == pytest.approx(1 - math.log(4) / math.log(4))
    assert first[11, 12] == 1
    assert first[12, 13] == pytest.approx(1 - math.log(2) / math.log(6))


def ends(adj):
    slot = adj.edge_slot()
    return zip(adj.row()[slot].tolist(), adj.col[slot].tolist(), strict=True)


def by_hand(arcs, num_nodes):
    """Ranks among lists of neighbours, in plain Python."""
    out_degree = [sum(u == w for u, _ in arcs) for w in range(num_nodes)]
    in_degree = [sum(v == w for _, v in arcs) for w in range(num_nodes)]

    def worth(degree, others):
        rank = 1 + sum(other > degree for other in others)
        return 1 - math.log(rank) / math.log(len(others)) if len(others) > 1 else 1

    return {
        (u, v): max(
            worth(out_degree[u], [out_degree[s] for s, t in arcs if t == v]),
            worth(in_degree[v], [in_degree[t] for s, t in arcs if s == u]),
        )
        for u, v in arcs
    }


@modest
@given(graphs())
def test_any_graph_by_hand(graph):
    edge_index, num_nodes = graph
    arcs = [(u, v) for u, v in edge_index.t().tolist() if u != v]
    expected = by_hand(arcs, num_nodes)
    adj = to_adjacency(edge_index, num_nodes)
    for each in (adj, adj.as_directed()):
        found = LocalDegreeScore()(each).tolist()
        assert found == pytest.approx([expected[v, u] for u, v in ends(each)])


def test_two_node_sets():
    edge_index = torch.tensor([[0, 1, 2, 2], [0, 0, 1, 0]])
    score = LocalDegreeScore()(to_adjacency(edge_index, (3, 2)))
    shifted = edge_index + torch.tensor([[0], [3]])
    assert torch.equal(score, LocalDegreeScore()(to_adjacency(shifted, 5)))
