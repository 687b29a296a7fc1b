import networkx as nx
import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.graph.cores import core_numbers
from tests.helpers import both_ways, graphs, modest, random_graph


def by_hand(edge_index, num_nodes):
    """k by k, one node at a time, each arc an edge of its own."""
    ends = [(u, v) for u, v in edge_index.t().tolist() if u != v]
    left, core = set(range(num_nodes)), [0] * num_nodes
    for k in range(1, len(ends) + 2):
        while True:
            inside = [(u, v) for u, v in ends if u in left and v in left]
            degree = {w: sum((w == u) + (w == v) for u, v in inside) for w in left}
            out = [w for w in left if degree[w] < k]
            if not out:
                break
            left.remove(out[0])
        for w in left:
            core[w] = k
    return core


@modest
@given(graphs())
def test_any_graph_by_hand(graph):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    arcs = core_numbers(adj.as_directed()).tolist()
    assert arcs == by_hand(edge_index, num_nodes)
    if adj.undirected:
        kept = edge_index[:, adj.edge_id[adj.edge_slot()]]
        assert core_numbers(adj).tolist() == by_hand(kept, num_nodes)


@pytest.mark.parametrize('seed', range(3))
@pytest.mark.parametrize('directed', [False, True])
def test_networkx(seed, directed):
    graph = nx.barabasi_albert_graph(300, 4, seed=seed)
    graph.add_edges_from(nx.gnm_random_graph(120, 900, seed=seed).edges)
    graph.add_node(300)
    if directed:
        graph = nx.gnp_random_graph(150, 0.05, seed=seed, directed=True)
    found = core_numbers(to_adjacency(graph, undirected=not directed)).tolist()
    assert dict(enumerate(found)) == nx.core_number(graph)
    assert max(found) > 5


def test_a_path_peels_from_its_ends_and_loops_do_not_count():
    path = both_ways([(v, v + 1) for v in range(20)] + [(3, 3), (21, 21)])
    assert core_numbers(to_adjacency(path, 22)).tolist() == [1] * 21 + [0]


def test_the_graph_is_left_alone():
    adj = to_adjacency(random_graph(40, 200), 40)
    before = adj.rowptr.clone(), adj.degree().clone()
    core_numbers(adj)
    assert torch.equal(adj.rowptr, before[0]) and torch.equal(adj.degree(), before[1])


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match='two node sets'):
        core_numbers(to_adjacency(torch.tensor([[0], [0]]), (3, 2)))
