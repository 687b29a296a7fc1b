from itertools import pairwise

import pytest
import torch
from torch.nn import Linear, Module
from torch_geometric.nn import GCNConv

from graphsparse.nn import GAT, GCN
from graphsparse.pruning import prunable, select_weights
from graphsparse.pruning.weights.synflow import SynflowScore
from graphsparse.training import make_probe
from tests.pruning.weights.nets import toy


class Deep(Module):
    """Linear layers without bias, a graph between each two."""

    def __init__(self):
        super().__init__()
        sizes = [16, 10, 12, 6, 3]
        self.convs = torch.nn.ModuleList(
            GCNConv(a, b, bias=False) for a, b in pairwise(sizes)
        )
        self.head = Linear(3, 3, bias=False)

    def forward(self, x, edge_index):
        for conv in self.convs:
            x = conv(x, edge_index).relu()
        return self.head(x)


@pytest.mark.parametrize('make', [Deep, lambda: GCN(16, 3, 8), lambda: GAT(16, 3, 8)])
def test_consecutive_layers_conserve_the_flow(make, small):
    torch.manual_seed(0)
    model = make()
    probe = make_probe(model, small)
    score = SynflowScore()(prunable(model), probe)
    flow = float(probe.flow(prunable(model)))
    sums = [float(worth.sum()) for worth in score.values()]
    assert len(sums) > 1 and sums == pytest.approx([flow] * len(sums), rel=1e-12)


def test_and_every_hidden_unit_does():
    weights, probe = toy()
    score = SynflowScore()(weights, probe)
    torch.testing.assert_close(score['one'].sum(1), score['two'].sum(0))
    expected = 6 * weights['one'].abs() * weights['two'].abs().sum(0)[:, None]
    torch.testing.assert_close(score['one'], expected)


def test_reads_no_features_and_no_labels(small):
    model = GCN(16, 3, 8)
    other = small.clone()
    other.x, other.y = torch.randn(120, 16), small.y.roll(1)
    a, b = (
        SynflowScore()(prunable(model), make_probe(model, d)) for d in (small, other)
    )
    assert all(torch.equal(a[name], b[name]) for name in a)


def test_a_hundred_rounds_cut_no_layer_off(small):
    torch.manual_seed(0)
    model = Deep()
    weights, probe = prunable(model), make_probe(model, small)
    assert SynflowScore().rounds == 100
    mask = select_weights(weights, 0.96, SynflowScore(), probe=probe)
    assert all(keep.any() for keep in mask.keep.values())
    assert float(probe.flow(mask.apply(weights))) > 0
    once = select_weights(weights, 0.96, SynflowScore(rounds=1), probe=probe)
    assert not all(keep.any() for keep in once.keep.values())
