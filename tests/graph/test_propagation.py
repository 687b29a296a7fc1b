import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphsparse.engine import InputError
from graphsparse.graph import Propagation, to_adjacency

KINDS = {
    'sym': lambda a, d: np.diag(d**0.5) @ a @ np.diag(d**0.5),
    'row': lambda a, d: np.diag(d) @ a,
    'column': lambda a, d: a @ np.diag(d),
}


def random_graph(weighted, directed=True, seed=0):
    """Arcs, parallel ones and loops; the last two nodes have none."""
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(18, (2, 90), generator=generator)
    if not directed:
        edge_index = torch.cat([edge_index, edge_index.flip(0)], dim=1)
    weight = None
    if weighted:
        weight = torch.rand(edge_index.size(1), generator=generator) + 0.5
    return to_adjacency(edge_index, 20, weight, undirected=False)


def dense(adj, self_loops):
    """Row = target, by scipy from the caller's list."""
    edge_index = adj.to_edge_index().numpy()
    weight = np.ones(adj.num_input)
    if adj.weight is not None:
        weight[adj.edge_id] = adj.weight
        weight[adj.loop_id] = adj.loop_weight
    a = sp.coo_matrix((weight, edge_index[::-1]), shape=(20, 20)).toarray()
    if self_loops:
        np.fill_diagonal(a, 1.0)
        for node, value in zip(adj.loop, adj.loop_values(torch.float64), strict=True):
            a[node, node] = value  # the last given
    return a


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('self_loops', [False, True])
@pytest.mark.parametrize('kind', KINDS)
def test_it_is_the_dense_matrix(kind, self_loops, weighted):
    adj = random_graph(weighted)
    a = dense(adj, self_loops)
    degree = a.sum(1)
    inverse = np.divide(1, degree, where=degree > 0, out=np.zeros(20))
    expected = torch.from_numpy(KINDS[kind](a, inverse))
    step = Propagation.of(adj, kind, self_loops, torch.float64)
    x = torch.randn(20, 5, dtype=torch.float64)
    assert torch.allclose(step @ x, expected @ x, atol=1e-6 if weighted else 1e-12)
    if not self_loops:
        assert not (step @ x)[18:].any()


def test_sym_is_what_the_graph_is_normalised_to():
    adj, x = random_graph(True, directed=False), torch.randn(20, 3)
    for self_loops in (False, True):
        expected = adj.normalize(add_self_loops=self_loops) @ x
        torch.testing.assert_close(Propagation.of(adj, 'sym', self_loops) @ x, expected)


def test_a_soft_mask_weighs_edges():
    adj = random_graph(False)
    mask = torch.rand(adj.num_edges)
    x = torch.randn(20, 3)
    expected = adj.with_mask(mask).normalize(add_self_loops=False) @ x
    torch.testing.assert_close(Propagation.of(adj.with_mask(mask)) @ x, expected)


@pytest.mark.parametrize('block_bytes', [1, 700, 2**20])
def test_blocks_are_all_rows_within_the_budget(block_bytes):
    adj, x = random_graph(False), torch.randn(20, 3)
    step = Propagation.of(adj)
    begins, blocks = zip(*step.blocks(x, block_bytes), strict=True)
    sizes = [rows.size(0) for rows in blocks]
    assert begins == tuple(np.cumsum([0, *sizes[:-1]]))
    assert sum(sizes) == 20
    assert torch.equal(torch.cat(blocks), step @ x)
    for begin, size in zip(begins, sizes, strict=True):
        slots = int(adj.rowptr[begin + size] - adj.rowptr[begin])
        assert size == 1 or size * 32 + slots * 16 <= block_bytes
    assert len(blocks) == {1: 20, 2**20: 1}.get(block_bytes, len(blocks))


def test_a_graph_and_features_on_disk(tmp_path):
    adj = random_graph(False, directed=False)
    x = torch.randn(20, 4)
    for name, part in (('rowptr', adj.rowptr), ('col', adj.col), ('x', x)):
        np.save(tmp_path / f'{name}.npy', part.numpy())
    rowptr, col, mapped = (
        torch.from_numpy(np.load(tmp_path / f'{name}.npy', mmap_mode='c'))
        for name in ('rowptr', 'col', 'x')
    )
    there = adj.from_csr(rowptr, col)
    plain = adj.from_csr(adj.rowptr, adj.col)
    assert torch.equal(Propagation.of(there) @ mapped, Propagation.of(plain) @ x)


def test_bad_input():
    adj = random_graph(False)
    with pytest.raises(InputError, match=r"'rows'.*Did you mean 'row'"):
        Propagation.of(adj, 'rows')
    with pytest.raises(InputError, match='two node sets'):
        Propagation.of(to_adjacency(torch.tensor([[0], [1]]), (3, 2)))
    with pytest.raises(InputError, match=r'\[20 nodes, features\].*\[19, 2\]'):
        Propagation.of(adj) @ torch.ones(19, 2)
    with pytest.raises(InputError, match='float64'):
        Propagation.of(adj) @ torch.ones(20, 2).double()
