import re

import numpy as np
import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from tests.helpers import FIVE, both_ways

make = Adjacency.from_edge_index
EDGES = both_ways(FIVE)


@pytest.mark.parametrize(
    ('edge_index', 'num_nodes', 'message'),
    [
        ([[0, 7], [1, 1]], 5, 'edge_index[0, 1] is 7, but node ids go from 0 to 4'),
        ([[0, 1], [1, 5]], 5, 'edge_index[1, 1] is 5'),
        ([[0, 1], [-3, 0]], 5, 'edge_index[1, 0] is -3'),
        (
            [[0, 3], [1, 1]],
            (3, 9),
            'edge_index[0, 1] is 3, but node ids go from 0 to 2',
        ),
        (
            [[0, 3], [1, 2]],
            (9, 2),
            'edge_index[1, 1] is 2, but node ids go from 0 to 1',
        ),
        ([[0], [0]], 0, 'edge_index[0, 0] is 0'),
        ([[0.0, 1.0], [1.0, 0.0]], 5, 'got torch.float32'),
        ([[], []], 5, 'got torch.float32'),
        ([[True], [False]], 5, 'got torch.bool'),
        ([0, 1], 5, 'got [2]'),
        ([[0, 1], [1, 0], [2, 2]], 5, 'got [3, 2]'),
        ([[[0]], [[1]]], 5, 'got [2, 1, 1]'),
    ],
)
def test_wrong_edge_lists_are_named(edge_index, num_nodes, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make(torch.tensor(edge_index), num_nodes)


def test_other_things_than_tensors_are_named():
    with pytest.raises(InputError, match=r'edge_index .*got ndarray.*as_tensor'):
        make(np.zeros((2, 3), dtype=np.int64), 5)
    with pytest.raises(InputError, match=r'edge_weight .*got ndarray'):
        make(EDGES, 5, np.ones(10))
    with pytest.raises(InputError, match=r'mask .*got list'):
        make(EDGES, 5).keep_edges([True] * 5)


@pytest.mark.parametrize('num_nodes', [-1, (3, -2), 2.0, '5', (1, 2, 3), None])
def test_wrong_numbers_of_nodes_are_named(num_nodes):
    empty = torch.empty(2, 0, dtype=torch.int64)
    with pytest.raises(InputError, match=re.escape(f'(got {num_nodes!r})')):
        make(empty, num_nodes)


def test_any_whole_number_serves():
    for num_nodes in (np.int64(5), torch.tensor(5)):
        adj = make(EDGES, num_nodes)
        assert adj.undirected
        assert adj.num_nodes == 5
    assert make(EDGES, [np.int32(5), 6]).num_dst == 6
    assert torch.equal(make(EDGES.int(), 5).to_edge_index(), EDGES)


@pytest.mark.parametrize(
    ('weight', 'message'),
    [
        (torch.ones(9), 'the 10 edges (got shape [9])'),
        (torch.ones(10, 2), 'got shape [10, 2]'),
        (torch.tensor(1.0), 'got shape []'),
        (torch.ones(10).index_fill(0, torch.tensor(3), torch.nan), '[3] is nan'),
        (torch.ones(10).index_fill(0, torch.tensor(4), torch.inf), '[4] is inf'),
        (torch.ones(10).index_fill(0, torch.tensor(4), -torch.inf), '[4] is -inf'),
    ],
)
def test_wrong_weights_are_named(weight, message):
    with pytest.raises(InputError, match=re.escape(message)):
        make(EDGES, 5, weight)
    with pytest.raises(InputError, match=re.escape(message)):
        make(EDGES, 5).with_weight(weight)


def test_weights_of_any_number_type_serve():
    for weight in (torch.arange(10), torch.arange(10).bool(), torch.arange(10).half()):
        found = make(EDGES, 5, weight).weight
        assert found.is_floating_point()
        assert torch.equal(found.sort().values, weight.to(found.dtype).sort().values)
    assert make(EDGES, 5, torch.ones(10).double()).weight.dtype == torch.float64


def test_asked_to_be_undirected():
    assert make(EDGES, 5, undirected=True).undirected
    with pytest.raises(InputError, match='undirected=True, but some arcs have no twin'):
        make(EDGES[:, 1:], 5, undirected=True)
    with pytest.raises(InputError, match=r'undirected=True.*two sets \(5, 5\)'):
        make(EDGES, (5, 5), undirected=True)
    assert not make(EDGES[:, 1:], 5).undirected
    assert not make(EDGES, 5, undirected=False).undirected


def test_two_node_sets_whose_product_overflows_are_refused():
    edge_index = torch.tensor([[7, 3, 1], [4, 2, 1]])
    with pytest.raises(InputError, match=r'times 5 nodes are too many'):
        Adjacency.from_edge_index(edge_index, (2**62, 5))
    assert Adjacency.from_edge_index(edge_index, (2**60, 5)).col.tolist() == [1, 3, 7]
