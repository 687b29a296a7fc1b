import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.feature_jaccard import FeatureJaccardScore
from tests.helpers import FIVE, both_ways, random_graph

X = torch.tensor([[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 0], [0, 0, 0]])


def test_five_nodes():
    adj = to_adjacency(both_ways(FIVE), 5)
    score = FeatureJaccardScore()(adj, X)
    assert score.tolist() == pytest.approx([1 / 3, 2 / 3, 0, 2 / 3, 0])
    assert torch.equal(FeatureJaccardScore()(adj, -2.5 * X), score)  # having, not size


@pytest.mark.parametrize('form', ['to_dense', 'to_sparse_csr'])
def test_sets_of_features(form):
    adj = to_adjacency(random_graph(25, 80), 25)
    x = (torch.rand(25, 170, generator=torch.Generator().manual_seed(0)) < 0.1).float()
    has = [set(row.nonzero().squeeze(1).tolist()) for row in x]
    slot = adj.edge_slot()
    expected = [
        len(has[u] & has[v]) / len(has[u] | has[v])
        for u, v in zip(adj.row()[slot].tolist(), adj.col[slot].tolist(), strict=True)
    ]
    found = FeatureJaccardScore()(adj, getattr(x, form)()).tolist()
    assert found == pytest.approx(expected, rel=1e-15)


def test_needs_finite_features():
    adj = to_adjacency(both_ways(FIVE), 5)
    with pytest.raises(InputError, match='x is None'):
        FeatureJaccardScore()(adj)
    with pytest.raises(InputError, match='a feature that is NaN'):
        FeatureJaccardScore()(adj, X / X)
