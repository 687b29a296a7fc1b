import os

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, build
from graphsparse.kernels import Pattern, spmm
from graphsparse.kernels.pattern import row_ids
from tests.helpers import FIVE, both_ways, graphs, modest

LARGE = 2**31  # slots that int32 cannot number


def csr_of(edge_index, num_nodes):
    """Sorted rows with the loops among them, by a plain sort."""
    arcs = sorted(zip(*edge_index.flip(0).tolist(), strict=True))
    ends = torch.tensor(arcs, dtype=torch.int64).view(-1, 2).t()
    count = torch.bincount(ends[0], minlength=num_nodes)
    return torch.cat([count.new_zeros(1), count.cumsum(0)]), ends[1].contiguous()


@pytest.fixture(params=[1, 3, 2**22])
def block(request, monkeypatch):
    monkeypatch.setattr(build, '_BLOCK', request.param)


@modest
@given(graphs(), st.sampled_from([1, 2, 5, 2**22]), st.booleans())
def test_rows_and_a_list_of_the_same_graph(graph, block, weighted):
    edge_index, num_nodes = graph
    rowptr, col = csr_of(edge_index, num_nodes)
    listed = torch.stack([col, row_ids(rowptr, col.numel())])
    weight = torch.rand(col.numel()) if weighted else None
    patch = pytest.MonkeyPatch()
    patch.setattr(build, '_BLOCK', block)
    adj = Adjacency.from_csr(rowptr, col.int(), None, weight)
    patch.undo()
    same = Adjacency.from_edge_index(listed, num_nodes, weight)
    assert repr(adj) == repr(same)
    assert adj.digest() == same.digest()
    assert torch.equal(adj.to_edge_index(), listed)
    assert torch.equal(adj.edge_id, same.edge_id)
    assert torch.equal(adj.edge(), same.edge())
    assert torch.equal(adj.loop_id, same.loop_id)
    if weighted:
        assert torch.equal(adj.weight, same.weight)
        assert torch.equal(adj.loop_weight, same.loop_weight)
    keep = torch.arange(adj.num_edges) % 2 == 0
    assert torch.equal(
        adj.keep_edges(keep).to_edge_index(), same.keep_edges(keep).to_edge_index()
    )


@pytest.mark.parametrize('dtype', [torch.int32, torch.int64])
def test_ready_rows_are_not_copied(tmp_path, dtype):
    rowptr, col = csr_of(both_ways(FIVE), 5)
    col.to(dtype).numpy().tofile(tmp_path / 'col')
    kind = torch.empty(0, dtype=dtype).numpy().dtype
    col = torch.from_numpy(np.memmap(tmp_path / 'col', kind, mode='c'))
    adj = Adjacency.from_csr(rowptr, col)
    assert adj.undirected
    assert adj.rowptr is rowptr
    assert adj.col is col
    assert adj.order is None
    assert adj.transpose()[1] is col
    assert (adj.normalize() @ torch.ones(5, 2)).shape == (5, 2)


def test_two_node_sets():
    rowptr, col = torch.tensor([0, 2, 3]), torch.tensor([0, 4, 1])
    adj = Adjacency.from_csr(rowptr, col, num_src=5)
    assert repr(adj) == 'Adjacency(directed, nodes=5 -> 2, edges=3, arcs=3, loops=0)'
    with pytest.raises(InputError, match=r'two sets \(5, 2\)'):
        Adjacency.from_csr(rowptr, col, num_src=5, undirected=True)
    # Rows and columns of the same number are still two sets: 0 -> 0 is an arc.
    assert Adjacency.from_csr(torch.tensor([0, 1]), torch.tensor([0]), 1).num_arcs == 1


def test_undirected_or_not():
    rowptr, col = csr_of(both_ways(FIVE), 5)
    assert Adjacency.from_csr(rowptr, col, undirected=True).num_edges == 5
    assert Adjacency.from_csr(rowptr, col, undirected=False).num_edges == 10
    one_way = torch.tensor([0, 1, 1]), torch.tensor([1])
    assert not Adjacency.from_csr(*one_way).undirected
    with pytest.raises(InputError, match='some arcs have no twin'):
        Adjacency.from_csr(*one_way, undirected=True)


@pytest.mark.parametrize(
    ('rowptr', 'col', 'message'),
    [
        ([0, 2, 1, 3], [0, 1, 2], r'rowptr\[1\] is 2 and rowptr\[2\] is 1'),
        ([1, 2, 3], [0, 1, 2], r'from 0 to the 3 slots of col \(got 1 to 3\)'),
        ([0, 2, 4], [0, 1, 0], r'got 0 to 4'),
        (torch.empty(0, dtype=torch.int64), [0], r'shape \[rows \+ 1\] \(got \[0\]\)'),
        ([0.0, 1.0], [0], 'rowptr has to be int64 or int32'),
        ([0, 1, 4], [0, 0, 1, 2], r'col\[3\] is 2, but columns go from 0 to 1'),
        ([0, 1, 3], [0, -1, 1], r'col\[1\] is -1'),
        ([0, 1, 1, 4], [2, 0, 2, 1], r'Row 2 is not sorted: col\[2\] is 2 and .*is 1'),
        ([0, 1], [0.0], r'float32 of shape \[1\]'),
        ([0, 1], [[0]], r'int64 of shape \[1, 1\]'),
    ],
)
def test_what_is_wrong_is_named(rowptr, col, message, block):
    with pytest.raises(InputError, match=message):
        Adjacency.from_csr(torch.as_tensor(rowptr), torch.as_tensor(col))


def test_no_tensors():
    with pytest.raises(InputError, match='col has to be a tensor'):
        Adjacency.from_csr(torch.tensor([0, 1]), [0])
    with pytest.raises(InputError, match='rowptr has to be a tensor'):
        Adjacency.from_csr([0, 1], torch.tensor([0]))
    with pytest.raises(InputError, match=r'got \(-1, 0\)'):
        Adjacency.from_csr(torch.tensor([0]), torch.tensor([], dtype=torch.int32), -1)


def mapped_columns(folder, num_slots, last):
    """A file of ``num_slots`` zeros, which takes no room on the disk, then ``last``."""
    path = folder / 'col'
    with path.open('wb') as file:
        file.seek(4 * num_slots)
        file.write(np.array(last, np.int32).tobytes())
    if path.stat().st_blocks * 512 > 2**20:
        pytest.skip('this file system keeps no holes')
    return torch.from_numpy(np.memmap(path, np.int32, mode='c'))


def test_offsets_beyond_two_to_the_31(compiled, tmp_path):
    col = mapped_columns(tmp_path, LARGE + 10, [1, 2, 3])
    # Rows that begin late: what lies before them is never read.
    pattern = Pattern(torch.tensor([LARGE + 9, LARGE + 11, LARGE + 13]), col)
    x = torch.tensor([[1.0], [10.0], [100.0], [1000.0]])
    assert spmm(pattern, x).tolist() == [[11.0], [1100.0]]
    assert spmm(pattern, x, reduce='max').tolist() == [[10.0], [1000.0]]


@pytest.mark.skipif(
    not os.environ.get('GRAPHSPARSE_HUGE'), reason='GRAPHSPARSE_HUGE is not set'
)
def test_a_graph_of_more_than_two_to_the_31_arcs(tmp_path):
    col = mapped_columns(tmp_path, LARGE + 10, [1, 2, 3])
    rowptr = torch.tensor([0, LARGE + 10, LARGE + 11, LARGE + 13])
    adj = Adjacency.from_csr(rowptr, col, num_src=4)
    assert adj.col is col
    assert adj.num_arcs == adj.num_edges == LARGE + 13
    assert adj.degree().tolist() == [LARGE + 10, 1, 2]
    x = torch.tensor([[1.0], [10.0], [100.0], [1000.0]], dtype=torch.float64)
    out = spmm(Pattern(adj.rowptr, adj.col), x)
    assert out.tolist() == [[float(LARGE + 10)], [10.0], [1100.0]]
