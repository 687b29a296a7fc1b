import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.cosine import CosineScore
from graphsparse.pruning.edges.features import check_features, column_blocks, dots
from tests.helpers import FIVE, both_ways, random_graph


def sparse_matrix(rows, cols):
    x = torch.randn(rows, cols, generator=torch.Generator().manual_seed(cols))
    return x * (x > 1)


@pytest.mark.parametrize('cols', [0, 1, 7, 8, 9, 24])
@pytest.mark.parametrize('form', ['to_dense', 'to_sparse_coo', 'to_sparse_csr'])
def test_blocks_make_up_the_matrix(cols, form):
    x = sparse_matrix(5, cols)
    blocks = list(column_blocks(getattr(x, form)(), width=8))
    assert all(b.dtype == torch.float64 and b.size(1) <= 8 for b in blocks)
    whole = torch.cat([x.new_zeros(5, 0).double(), *blocks], 1)
    assert torch.equal(whole[:, :cols], x.double())
    assert not whole[:, cols:].any()


@pytest.mark.parametrize('undirected', [True, False])
def test_dots_of_more_columns_than_a_block(undirected):
    edge_index = random_graph(20, 50, undirected=undirected)
    adj = to_adjacency(edge_index, 20, undirected=undirected)
    x = sparse_matrix(20, 150)
    across, own = dots(adj, x)
    slot = adj.edge_slot()
    product = (x.double() @ x.double().t())[adj.row()[slot], adj.col[slot].long()]
    torch.testing.assert_close(across, product)
    torch.testing.assert_close(own, x.double().square().sum(1))
    again, _ = dots(adj, x.to_sparse_csr(), change=lambda block: 2 * block)
    torch.testing.assert_close(again, 4 * product)


def test_what_cannot_be_compared():
    adj = to_adjacency(both_ways(FIVE), 5)
    with pytest.raises(InputError, match=r'x is None. Give x of shape \[5, features\]'):
        check_features(adj, None, CosineScore())
    with pytest.raises(InputError, match=r'each of the 5 nodes \(got shape \[4, 2\]\)'):
        check_features(adj, torch.ones(4, 2), CosineScore())
    two_sets = to_adjacency(torch.tensor([[0], [0]]), (3, 2))
    with pytest.raises(InputError, match='two node sets'):
        check_features(two_sets, torch.ones(3, 2), CosineScore())
