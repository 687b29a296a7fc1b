import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.kernels import layout, native, transpose_csr
from graphsparse.kernels.layout import (
    find_twins,
    has_twins,
    invert,
    merge_loops,
    number_edges,
    sort_arcs,
)
from graphsparse.kernels.pattern import row_ids
from tests.helpers import both_ways, graphs, modest, random_graph, random_pattern


@pytest.fixture(params=['compiled', 'torch'], autouse=True, scope='module')
def where(request):
    """Everything here holds with the extension and without it."""
    if request.param == 'compiled':
        yield request.param
        return
    patch = pytest.MonkeyPatch()
    patch.setattr(layout, 'native_call', lambda *args: False)
    yield request.param
    patch.undo()


@pytest.fixture(params=[torch.int32, torch.int64])
def index(request, monkeypatch):
    """As for a graph that int32 can number, and for one that it cannot."""
    if request.param == torch.int64:
        monkeypatch.setattr(layout, '_INT32', 0)
    return request.param


def test_the_right_half_is_tested(where):
    if where == 'torch':
        assert layout.native_call is not native.native_call
    elif native.native_ops():
        names = {'sort_arcs', 'find_twins', 'number_edges', 'merge_loops', 'invert'}
        assert names <= set(native.native_ops())


def check_sorted(src, dst, sizes, loops_apart):
    rowptr, col, edge_id = sort_arcs(src, dst, *sizes, loops_apart)
    arcs = zip(dst.tolist(), src.tolist(), range(src.numel()), strict=True)
    expected = sorted(a for a in arcs if not (loops_apart and a[0] == a[1]))
    row = row_ids(rowptr, col.numel())
    found = zip(row.tolist(), col.tolist(), edge_id.tolist(), strict=True)
    assert list(found) == expected
    assert rowptr.numel() == sizes[1] + 1
    return rowptr, col, edge_id


@modest
@given(graphs(), st.booleans())
def test_arcs_by_target_source_and_place(graph, loops_apart):
    (src, dst), num_nodes = graph
    rowptr, col, edge_id = check_sorted(src, dst, (num_nodes,) * 2, loops_apart)
    types = rowptr.dtype, col.dtype, edge_id.dtype
    assert types == (torch.int64, torch.int32, torch.int64)


def test_more_arcs_than_are_fetched_ahead(index):
    generator = torch.Generator().manual_seed(0)
    src = torch.randint(9, (500,), generator=generator)
    dst = torch.randint(4, (500,), generator=generator)
    assert check_sorted(src, dst, (9, 5), loops_apart=True)[1].dtype == index
    assert check_sorted(src, dst, (9, 4), loops_apart=False)[1].numel() == 500


@pytest.mark.parametrize('given', [torch.int32, torch.int64])
@pytest.mark.parametrize(
    ('rows', 'cols', 'slots'),
    [(7, 5, 30), (5, 9, 12), (30, 20, 400), (4, 3, 0), (0, 3, 0), (3, 0, 0)],
)
def test_transpose_equals_scipy(rows, cols, slots, given, index):
    pattern = random_pattern(rows, cols, slots, given)
    t_rowptr, t_col, t_perm = transpose_csr(pattern.rowptr, pattern.col, cols)
    assert t_rowptr.dtype == torch.int64
    assert t_col.dtype == t_perm.dtype == torch.promote_types(given, index)
    csr = (np.arange(slots), pattern.col.numpy(), pattern.rowptr.numpy())
    theirs = scipy.sparse.csr_array(csr, shape=(rows, cols)).tocsc()
    assert np.array_equal(t_rowptr, theirs.indptr)
    assert np.array_equal(t_col, theirs.indices)
    assert np.array_equal(t_perm, theirs.data)  # the given order within a row


@modest
@given(graphs(loops=False))
def test_twins_are_there_where_the_transpose_is_the_same(graph):
    (src, dst), num_nodes = graph
    rowptr, col, _ = sort_arcs(src, dst, num_nodes, num_nodes, True)
    t_rowptr, t_col, t_perm = transpose_csr(rowptr, col, num_nodes)
    same = torch.equal(t_rowptr, rowptr) and torch.equal(t_col, col)
    twin = find_twins(rowptr, col)
    assert has_twins(rowptr, col) == (twin is not None) == same
    if twin is not None:
        assert torch.equal(twin, t_perm)


def rows_of(edge_index, num_nodes):
    return sort_arcs(*edge_index, num_nodes, num_nodes, True)[:2]


def test_twins_and_edges_of_parallel_arcs(index):
    rowptr, col = rows_of(both_ways([(0, 1), (0, 1), (2, 0)]), 3)
    twin = find_twins(rowptr, col)
    assert twin.dtype == index
    assert twin.tolist() == [3, 4, 5, 0, 1, 2]
    assert number_edges(rowptr, col, twin).tolist() == [0, 1, 2, 0, 1, 2]


def test_no_twins():
    for arcs in ([[0], [1]], [[0, 1, 0], [1, 0, 1]], [[1, 2, 0], [0, 1, 2]]):
        rowptr, col = rows_of(torch.tensor(arcs), 3)
        assert find_twins(rowptr, col) is None
        assert not has_twins(rowptr, col)


def test_edges_of_a_larger_graph():
    rowptr, col = rows_of(random_graph(40, 300), 40)
    twin = find_twins(rowptr, col)
    assert torch.equal(twin, transpose_csr(rowptr, col, 40)[2])
    edge, row = number_edges(rowptr, col, twin), row_ids(rowptr, 600)
    assert torch.equal(edge[twin], edge)
    assert torch.equal(edge[row < col], torch.arange(300))


@modest
@given(graphs(loops=False), st.randoms(use_true_random=False))
def test_loops_set_into_sorted_rows(graph, random):
    (src, dst), num_nodes = graph
    rows, cols, _ = sort_arcs(src, dst, num_nodes, num_nodes, True)
    node = sorted(random.choices(range(num_nodes), k=5)) if num_nodes else []
    loops = torch.tensor(node, dtype=torch.int64)
    rowptr, col, perm = merge_loops(rows, cols, None, loops)
    assert (rowptr.dtype, col.dtype, perm.dtype) == (torch.int64, *[torch.int32] * 2)
    row = [*row_ids(rows, cols.numel()).tolist(), *node]
    entries = zip(row, [*cols.tolist(), *node], range(len(row)), strict=True)
    ordered = sorted(entries)
    assert col.tolist() == [c for _, c, _ in ordered]
    assert perm.tolist() == [p for _, _, p in ordered]
    assert rowptr.diff().tolist() == [row.count(v) for v in range(num_nodes)]

    place = torch.arange(cols.numel()).flip(0)  # of another type than the columns
    other = merge_loops(rows, cols, place, loops)
    of_arc = perm < cols.numel()
    assert torch.equal(other[2][of_arc].long(), place[perm[of_arc].long()])
    assert torch.equal(other[2][~of_arc], perm[~of_arc])
    assert all(torch.equal(a, b) for a, b in zip(other[:2], (rowptr, col), strict=True))


def test_loops_in_a_graph_too_large_for_int32(index):
    rowptr, col = torch.tensor([0, 1, 2]), torch.tensor([1, 0], dtype=torch.int32)
    merged = merge_loops(rowptr, col, None, torch.arange(2))
    assert merged[1].dtype == merged[2].dtype == index
    assert [t.tolist() for t in merged] == [[0, 2, 4], [0, 1, 0, 1], [2, 0, 1, 3]]


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
def test_where_each_number_stands(dtype):
    perm = torch.tensor([2, 0, 3, 1], dtype=dtype)
    assert invert(perm).tolist() == [1, 3, 0, 2]
    assert invert(perm).dtype == dtype
    assert invert(perm[:0]).numel() == 0
