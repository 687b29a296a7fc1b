import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import score_edges
from graphsparse.pruning.edges.cosine import CosineScore
from graphsparse.transforms import Sparsify
from tests.helpers import FIVE, both_ways, random_graph

X = torch.tensor([[1.0, 0], [2, 0], [1, 1], [0, 0], [-1, 0]])


def test_five_nodes():
    score = CosineScore()(to_adjacency(both_ways([*FIVE, (0, 4)]), 5), X)
    half = 0.5**0.5
    assert score.tolist() == pytest.approx([1, half, 0, -1, half, 0])  # 3 has none


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.int64])
def test_torch(dtype):
    adj = to_adjacency(random_graph(30, 90), 30)
    x = (torch.randn(30, 200, generator=torch.Generator().manual_seed(0)) * 9).to(dtype)
    slot = adj.edge_slot()
    ends = x[adj.row()[slot]].double(), x[adj.col[slot].long()].double()
    expected = F.cosine_similarity(*ends)
    torch.testing.assert_close(CosineScore()(adj, x), expected, rtol=0, atol=1e-14)
    found = CosineScore()(adj, x.to_sparse_coo())
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-14)


def test_a_scale_changes_nothing():
    adj = to_adjacency(both_ways(FIVE), 5)
    scaled = CosineScore()(adj, 1e-30 * X.double())
    torch.testing.assert_close(scaled, CosineScore()(adj, X))


def test_unlike_ends_go_first():
    data = Data(X, both_ways([*FIVE, (0, 4)]))
    out = Sparsify('cosine', keep=5)(data)
    assert [0, 4] not in out.edge_index.t().tolist()


def test_needs_finite_features():
    with pytest.raises(InputError, match=r'CosineScore\(\) reads node features'):
        score_edges(to_adjacency(both_ways(FIVE), 5), 'cosine')
    with pytest.raises(InputError, match='NaN features'):
        CosineScore()(to_adjacency(both_ways(FIVE), 5), X / X[:, 1:])
