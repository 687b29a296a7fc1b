import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError, find
from graphsparse.graph import Adjacency
from graphsparse.transforms import NodeOrder
from graphsparse.transforms.node_order import (
    DegreeOrder,
    PartitionOrder,
    RcmOrder,
    is_permutation,
)
from tests.helpers import FIVE, both_ways, graphs, modest

make = Adjacency.from_edge_index


def relabelled(pairs, perm):
    """The edges where node ``perm[i]`` is what ``i`` was."""
    return both_ways([(perm[u], perm[v]) for u, v in pairs])


def bandwidth(edge_index, order):
    place = order.argsort()
    return int((place[edge_index[0]] - place[edge_index[1]]).abs().max())


def test_found_by_name():
    known = {name for name, cls in find(NodeOrder).items() if 'tests' not in str(cls)}
    assert known == {'rcm', 'degree', 'partition'}


def test_a_path_is_walked_from_one_end():
    path = [(i, i + 1) for i in range(9)]
    shuffled = relabelled(path, [3, 7, 0, 9, 4, 1, 8, 2, 6, 5])
    order = RcmOrder()(make(shuffled, 10))
    assert bandwidth(shuffled, order) == 1
    one_way = shuffled[:, :9]
    assert bandwidth(one_way, RcmOrder()(make(one_way, 10))) == 1


def test_many_parallel_arcs_are_still_an_edge():
    # 128 each way are 256 together: 0 in the eight bits that a matrix is made of.
    path = relabelled([(i, i + 1) for i in range(9)], [3, 7, 0, 9, 4, 1, 8, 2, 6, 5])
    edge_index = torch.cat([path.repeat(1, 128), torch.tensor([[3], [7]])], 1)
    adj = make(edge_index, 10)
    assert not adj.undirected
    assert bandwidth(edge_index, RcmOrder()(adj)) == 1


def test_hubs_first():
    assert DegreeOrder()(make(both_ways(FIVE), 6)).tolist() == [0, 1, 2, 3, 4, 5]
    arcs = torch.tensor([[1, 2, 3], [3, 3, 1]])
    assert DegreeOrder()(make(arcs, 4)).tolist() == [3, 1, 2, 0]


def test_parts_stand_one_after_another():
    cliques = [(u, v) for u in range(12) for v in range(u) if u % 3 == v % 3]
    adj = make(both_ways([*cliques, (0, 1), (1, 2)]), 12)
    order = PartitionOrder(num_parts=3)(adj)
    parts = sorted(order.view(3, 4).tolist())
    assert parts == [[0, 3, 6, 9], [1, 4, 7, 10], [2, 5, 8, 11]]
    again = [PartitionOrder(4, seed=1)(adj) for _ in range(2)]
    assert torch.equal(*again)
    assert PartitionOrder()(adj).tolist() == list(range(12))  # a single part


@modest
@given(graphs(undirected=True))
def test_every_node_once(graph):
    adj = make(*graph)
    for order in (
        RcmOrder(),
        DegreeOrder(),
        PartitionOrder(min(2, adj.num_nodes or 1)),
    ):
        assert is_permutation(order(adj), adj.num_nodes)


def test_what_metis_would_answer_with_nonsense():
    with pytest.raises(InputError, match=r'directed, nodes=2.*to_undirected'):
        PartitionOrder(2)(make(torch.tensor([[0], [1]]), 2))
    adj = make(both_ways(FIVE), 5)
    with pytest.raises(InputError, match='6 parts of 5 nodes'):
        PartitionOrder(6)(adj)
    with pytest.raises(InputError, match='got 0'):
        PartitionOrder(0)
    with pytest.raises(InputError, match='two node sets'):
        RcmOrder()(make(torch.tensor([[0], [1]]), (3, 2)))
    assert is_permutation(PartitionOrder(5)(adj), 5)


def test_an_order_that_forgets_a_node(monkeypatch):
    monkeypatch.setattr(DegreeOrder, 'order', lambda self, adj: torch.tensor([0, 0]))
    with pytest.raises(TypeError, match=r'DegreeOrder\(\) does not hold every node'):
        DegreeOrder()(make(both_ways([(0, 1)]), 2))
