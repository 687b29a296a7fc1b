from importlib import import_module
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close

from graphsparse.kernels import common_neighbors
from graphsparse.kernels.layout import sort_arcs
from tests.helpers import graphs, modest

# In the package the module's name is the function's.
module = import_module('graphsparse.kernels.common_neighbors')


@pytest.fixture(params=['compiled', 'torch'], autouse=True, scope='module')
def where(request):
    """Everything here holds with the extension and without it."""
    patch = pytest.MonkeyPatch()
    if request.param == 'torch':
        patch.setattr(module, 'native_call', lambda *args: False)
    yield request.param
    patch.undo()


def rows(*columns):
    ends = torch.tensor([0, *map(len, columns)]).cumsum(0)
    return ends, torch.tensor([c for row in columns for c in row])


def all_pairs(num_rows):
    nodes = torch.arange(num_rows)
    return torch.cartesian_prod(nodes, nodes).view(-1, 2).t()


def by_sets(rowptr, col, pairs, weight):
    ends = rowptr.tolist()
    sets = [set(col[a:b].tolist()) for a, b in pairwise(ends)]
    return [sum(weight[w] for w in sets[u] & sets[v]) for u, v in pairs.t().tolist()]


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
def test_by_hand(dtype):
    rowptr, col = rows([0, 1, 4], [1, 2, 4], [], [3], [0, 4])
    pairs = torch.tensor([[0, 1, 0, 2, 3, 4], [1, 0, 0, 0, 3, 1]])
    count = common_neighbors(rowptr, col.to(dtype), pairs)
    assert count.dtype == torch.int64
    assert count.tolist() == [2, 2, 3, 0, 1, 1]
    weight = torch.tensor([1.0, 10, 100, 1000, 10000])
    summed = common_neighbors(rowptr, col.to(dtype), pairs.int(), weight)
    assert summed.dtype == torch.float64
    assert summed.tolist() == [10010, 10010, 10011, 0, 1000, 10000]


def test_a_column_that_stands_twice_counts_once():
    rowptr, col = rows([1, 1, 1, 3], [1, 1, 2, 3, 3], [1])
    pairs = torch.tensor([[0, 0, 1], [1, 2, 2]])
    assert common_neighbors(rowptr, col, pairs).tolist() == [2, 1, 1]


@modest
@given(graphs(), st.booleans())
def test_equal_to_sets(graph, wide):
    (src, dst), num_nodes = graph
    rowptr, col, _ = sort_arcs(src, dst, num_nodes, num_nodes, False)
    pairs = all_pairs(num_nodes)
    weight = torch.linspace(0.5, 2, num_nodes, dtype=torch.float64)
    col = col.long() if wide else col
    count = common_neighbors(rowptr, col, pairs)
    assert count.tolist() == by_sets(rowptr, col, pairs, [1] * num_nodes)
    expected = torch.tensor(by_sets(rowptr, col, pairs, weight.tolist()))
    assert_close(common_neighbors(rowptr, col, pairs, weight), expected.double())


@pytest.mark.parametrize('seed', range(5))
def test_long_rows_are_searched(seed):
    generator = torch.Generator().manual_seed(seed)
    lengths = [3000, 5, 1, 60, 2000]
    parts = [torch.randint(4000, (n,), generator=generator) for n in lengths]
    rowptr, col = rows(*(part.sort().values.tolist() for part in parts))
    weight = torch.rand(4000, generator=generator)
    pairs = all_pairs(5)
    expected = by_sets(rowptr, col, pairs, weight.double().tolist())
    found = common_neighbors(rowptr, col, pairs, weight)
    assert_close(found, torch.tensor(expected, dtype=torch.float64))
    ends = rows([0, 9], list(range(100)), [50, 99, 100], list(range(1, 100)))
    edge = common_neighbors(*ends, torch.tensor([[0, 2, 0, 2], [1, 1, 3, 3]]))
    assert edge.tolist() == [2, 2, 1, 2]


def test_any_number_of_threads_and_pairs_at_a_time(monkeypatch):
    generator = torch.Generator().manual_seed(0)
    src = torch.randint(300, (9000,), generator=generator)
    dst = torch.randint(300, (9000,), generator=generator)
    rowptr, col, _ = sort_arcs(src, dst, 300, 300, True)
    pairs = torch.randint(300, (2, 2000), generator=generator)
    weight = torch.rand(300, generator=generator)
    alone = common_neighbors(rowptr, col, pairs, weight)
    torch.set_num_threads(2)
    assert torch.equal(common_neighbors(rowptr, col, pairs, weight), alone)
    monkeypatch.setattr(module, '_CHUNK', 999)
    assert torch.equal(common_neighbors(rowptr, col, pairs, weight), alone)


def test_nothing():
    rowptr, col = rows([0, 1], [])
    none = torch.empty(2, 0, dtype=torch.int64)
    assert common_neighbors(rowptr, col, none).shape == (0,)
    assert common_neighbors(rowptr, col, none, torch.ones(2)).dtype == torch.float64
    assert common_neighbors(*rows([], []), torch.tensor([[0], [1]])).tolist() == [0]
    assert common_neighbors(*rows(), none).tolist() == []


@pytest.mark.parametrize(
    ('pairs', 'weight', 'message'),
    [
        ([[0], [2]], None, 'row 2, but rows go from 0 to 1'),
        ([[-1], [0]], None, 'row -1'),
        ([0, 1], None, r'int64 of shape \[2\]'),
        ([[0.0], [1.0]], None, 'float32'),
        ([[False], [True]], None, r'bool of shape \[2, 1\]'),
        ([[0], [1]], [1.0, 2.0], r'each column \(got shape \[2\]\)'),
        ([[0], [1]], [[1.0], [1.0], [1.0]], r'each column \(got shape \[3, 1\]\)'),
    ],
)
def test_bad_input(pairs, weight, message):
    rowptr, col = rows([0, 2], [1])
    weight = None if weight is None else torch.tensor(weight)
    with pytest.raises(ValueError, match=message):
        common_neighbors(rowptr, col, torch.tensor(pairs), weight)
