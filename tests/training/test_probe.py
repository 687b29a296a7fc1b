import copy

import pytest
import torch
from torch_geometric.nn import GCN, GATConv, GINConv

from graphsparse.pruning import prunable, remove_edges
from graphsparse.pruning.weights.synflow import SynflowScore
from graphsparse.training import Task, make_probe


def make_model(**options):
    torch.manual_seed(0)
    return GCN(16, 8, 2, 3, dropout=0.5, **options)


def test_the_training_loss_without_dropout(small):
    task, model = Task.from_data(small), make_model()
    probe = make_probe(model, task)
    out = task.infer(model)
    expected = float(task.train_loss(out))
    assert float(probe.loss(prunable(model), 1.0)) == pytest.approx(expected)
    cooled = float(task.train_loss(out / 200))
    assert float(probe.loss({}, 200.0)) == pytest.approx(cooled)


def test_of_the_weights_given(small):
    task, model = Task.from_data(small), make_model()
    probe = make_probe(model, task)
    other = copy.deepcopy(model)
    weights = {name: 2 * weight.detach() for name, weight in prunable(model).items()}
    other.load_state_dict(weights, strict=False)
    expected = float(task.train_loss(task.infer(other)))
    assert float(probe.loss(weights, 1.0)) == pytest.approx(expected)


def test_batch_norms_use_the_batch_and_change_nothing(small):
    task, model = Task.from_data(small), make_model(norm='batch_norm')
    state = {n: t.clone() for n, t in model.state_dict().items()}
    probe = make_probe(model, task)
    first = float(probe.loss({}, 1.0))
    assert first == float(probe.loss({}, 1.0))
    by_batch = copy.deepcopy(model).eval()
    by_batch.norms[0].module.train()
    out = task.predict(by_batch)
    assert first == pytest.approx(float(task.train_loss(out)))
    assert first != pytest.approx(float(task.train_loss(task.infer(model))))
    assert all(torch.equal(state[n], t) for n, t in model.state_dict().items())


def test_on_a_sparser_graph(small):
    task, model = Task.from_data(small), make_model()
    sparser = remove_edges(task.graph, torch.arange(small.num_edges) < 50)
    probe = make_probe(model, task, sparser)
    expected = float(task.train_loss(task.infer(model, sparser)))
    assert float(probe.loss({}, 1.0)) == pytest.approx(expected)


def test_the_flow_is_a_product_of_absolute_values(small):
    """Of a GCN: 1^T A (A 1 |W1|^T + |b1|) |W2|^T + |b2|, summed, in float64."""
    model = make_model()
    with torch.no_grad():
        model.convs[0].bias.normal_()
    small.edge_weight = -torch.ones(small.num_edges)  # counts as positive
    probe = make_probe(model, small)
    n = 120
    a = (
        torch.eye(n)
        .double()
        .index_put(
            tuple(small.edge_index.flip(0)), torch.ones(1).double(), accumulate=True
        )
    )
    d = a.sum(1).rsqrt()
    a = d[:, None] * a * d
    (w1, b1), (w2, b2) = (
        (c.lin.weight.detach().double().abs(), c.bias.detach().double().abs())
        for c in model.convs
    )
    hidden = a @ torch.ones(n, 16).double() @ w1.t() + b1
    expected = (a @ hidden @ w2.t() + b2).sum()
    found = probe.flow(prunable(model))
    assert found.dtype == torch.float64
    assert float(found) == pytest.approx(float(expected), rel=1e-6)


class AttentionAfterSums(torch.nn.Module):
    """Nodes differ where attention begins: by their degrees."""

    def __init__(self):
        super().__init__()
        self.sums = GINConv(torch.nn.Linear(16, 8, bias=False))
        self.attention = GATConv(8, 3, heads=2, bias=False)

    def forward(self, x, edge_index):
        return self.attention(self.sums(x, edge_index).relu(), edge_index)


def test_attention_is_a_mean_in_the_flow(small):
    torch.manual_seed(0)
    model = AttentionAfterSums()
    weights, probe = prunable(model), make_probe(model, small)
    flow = float(probe.flow(weights))
    doubled = {name: 2 * weight.detach() for name, weight in weights.items()}
    assert float(probe.flow(doubled)) == pytest.approx(4 * flow, rel=1e-12)
    for worth in SynflowScore()(weights, probe).values():
        assert float(worth.sum()) == pytest.approx(flow, rel=1e-12)
