import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.kernels import induced_subgraph
from tests.helpers import csr_of, graphs, modest, random_graph


@modest
@given(graphs(), st.data())
def test_the_arcs_among_the_nodes_in_their_order(graph, data):
    edge_index, num_nodes = graph
    rowptr, col = csr_of(edge_index, num_nodes)
    order = data.draw(st.permutations(range(num_nodes)))
    chosen = order[: data.draw(st.integers(0, num_nodes))]
    nodes = torch.tensor(chosen, dtype=torch.int64)
    ends, column, slot = induced_subgraph(rowptr, col, nodes)
    assert column.dtype == col.dtype
    seen = [
        (int(k), chosen[i], chosen[int(j)])
        for i, row in enumerate(np.split(np.arange(slot.numel()), ends[1:-1]))
        for j, k in zip(column[row], slot[row], strict=True)
        if chosen
    ]
    row_of = torch.repeat_interleave(torch.arange(num_nodes), rowptr.diff()).tolist()
    every = [(k, row_of[k], int(j)) for k, j in enumerate(col)]
    assert sorted(seen) == [arc for arc in every if set(arc[1:]) <= set(chosen)]
    assert [k for k, _, _ in seen] == [
        k for i in chosen for k, row, j in every if row == i and j in chosen
    ]


@pytest.mark.parametrize('index', [torch.int32, torch.int64])
@pytest.mark.parametrize('threads', [1, 2])
def test_equals_scipy_natively_and_by_the_reference(index, threads, both, any_thread):
    torch.set_num_threads(threads)
    rowptr, col = csr_of(random_graph(300, 4000, undirected=False), 300, index)
    nodes = torch.as_tensor(np.random.default_rng(0).permutation(300)[:90])
    csr = (np.arange(1, col.numel() + 1), col.numpy(), rowptr.numpy())
    dense = scipy.sparse.csr_array(csr, shape=(300, 300)).toarray()
    expected = dense[nodes][:, nodes]
    for ends, column, slot in both(induced_subgraph, rowptr, col, nodes):
        part = (slot.numpy() + 1, column.numpy(), ends.numpy())
        assert np.array_equal(
            scipy.sparse.csr_array(part, shape=(90, 90)).toarray(), expected
        )


def test_all_nodes_give_the_whole_graph():
    rowptr, col = csr_of(random_graph(50, 200), 50)
    ends, column, slot = induced_subgraph(rowptr, col, torch.arange(50))
    assert torch.equal(ends, rowptr)
    assert torch.equal(column, col)
    assert torch.equal(slot, torch.arange(col.numel()))


@pytest.mark.parametrize(
    ('nodes', 'message'),
    [
        ([1, 5, 2, 5, 1], 'each node once, but 5 stands there again; torch.unique'),
        ([0, 50], r'nodes has to hold node ids from 0 to 49 .got 50'),
        ([-1], r'got -1'),
        ([[0, 1]], r'one dimension .got torch.int64 of shape .1, 2'),
    ],
)
def test_bad_nodes_are_refused(nodes, message):
    rowptr, col = csr_of(random_graph(50, 200), 50)
    with pytest.raises(ValueError, match=message):
        induced_subgraph(rowptr, col, torch.tensor(nodes))
