import math

import pytest
import torch
from torch_geometric.nn import GCN, MessagePassing

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import accelerate
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.ends import edge_ends
from graphsparse.tickets import Dense, LearnedGate
from graphsparse.tickets.gate import Budget, EdgeGate, GatedNet, draw_gates
from graphsparse.training import Task, Training, Watch
from tests.helpers import FIVE, both_ways

SHORT = Training(epochs=8)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def test_counts_are_exact_and_the_edges_are_gone(small):
    ticket = LearnedGate(0.3, training=SHORT).search(factory, small)
    edges = to_adjacency(small).num_edges
    assert ticket.edge_mask.num_kept == edges - math.floor(0.3 * edges)
    assert ticket.weight_mask is None
    kept = ticket.apply(factory, small)[1]
    assert to_adjacency(kept).num_edges == ticket.edge_mask.num_kept


def test_two_stages_and_the_second_begins_at_theta_0(small):
    stages = []
    watch = Watch((lambda step: stages.append(step.stage),))
    search = LearnedGate(0.0, training=SHORT)
    ticket = search.search(factory, small, seed=3, watch=watch)
    assert stages == ['gate'] * 8 + ['sparse'] * 8
    dense = Dense(SHORT).search(factory, small, seed=3)
    for name, tensor in dense.trained.items():
        assert torch.equal(tensor, ticket.trained[name])


def gated(penalty=10.0, keep=3, **options):
    adj = to_adjacency(both_ways(FIVE), 5, **options)
    x = torch.randn(5, 4, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    net = accelerate(GCN(4, 6, 2, 2))
    return GatedNet(net, EdgeGate(4, 7), adj, keep, 2 / 3), x, adj


def test_log_odds_are_means_over_both_directions():
    model, x, adj = gated()
    gate = model.gate
    expected = []
    for u, v in edge_ends(adj).t().tolist():
        arcs = [
            gate.out((gate.source(x[a]) + gate.target(x[b])).relu())
            for a, b in ((u, v), (v, u))
        ]
        expected.append(float(sum(arcs)) / 2)
    assert gate(x, adj).tolist() == pytest.approx(expected, rel=1e-5)
    arcs = gate(x, adj.as_directed())
    assert arcs.shape == (10,)
    by_edge = arcs.new_zeros(5).index_add(0, adj.edge(), arcs) / 2
    torch.testing.assert_close(by_edge, gate(x, adj))


def test_gates_are_hard_and_open_as_often_as_they_say():
    torch.manual_seed(0)
    beta = 2 / 3
    logit = torch.linspace(-3, 3, 7).repeat(40_000, 1).requires_grad_()
    z = draw_gates(logit, beta)
    assert set(z.unique().tolist()) == {0.0, 1.0}
    # Rounded, s > 1/2, which is log-odds of a logistic variable.
    expected = torch.linspace(-3, 3, 7).sigmoid()
    torch.testing.assert_close(z.detach().mean(0), expected, rtol=0, atol=0.01)
    z.sum().backward()
    # Where the soft gate is strictly between 0 and 1 there is a gradient.
    inside = (logit.grad > 0).float().mean(0)
    closed = 1 - (logit[0] - beta * math.log(0.1 / 1.1)).sigmoid()
    full = (logit[0] + beta * math.log(0.1 / 1.1)).sigmoid()
    torch.testing.assert_close(inside, (1 - closed - full).detach(), rtol=0, atol=0.01)


def test_the_budget_is_the_expected_share_of_open_gates():
    model, x, adj = gated(keep=2)
    logit = model.gate(x, adj).detach()
    u = torch.rand(200_000, 5).clamp(1e-7, 1 - 1e-7)
    stretched = ((u.logit() + logit) / (2 / 3)).sigmoid() * 1.2 - 0.1
    share = (stretched > 0).float().mean()
    assert float(model.open_share(x)) == pytest.approx(float(share), abs=2e-3)
    term = Budget(type('G', (), {'x': x}), 10.0)(model, x)
    assert float(term) == pytest.approx(10 * (float(share) - 0.4) ** 2, abs=0.05)


def test_evaluation_is_the_graph_of_the_best_edges():
    model, x, adj = gated(keep=3)
    model.eval()
    kept = model.gate(x, adj).topk(3).indices
    keep = torch.zeros(5, dtype=torch.bool).index_fill(0, kept, True)
    torch.testing.assert_close(
        model(x, adj.to_edge_index()), model.net(x, adj.keep_edges(keep))
    )


def test_the_loss_reaches_the_gates():
    model, x, adj = gated()
    model.train()
    model(x, adj.to_edge_index()).square().sum().backward()
    assert all(p.grad is not None and p.grad.any() for p in model.gate.parameters())


def test_it_learns_to_drop_edges_between_classes():
    data = csbm(300, homophily=0.5, signal=3.0, train_per_class=50, seed=0)
    adj, task = to_adjacency(data), Task.from_data(data)
    torch.manual_seed(0)
    model = GCN(16, 16, 2, 2, dropout=0.5)
    score, _ = LearnedGate(0.3, training=Training(epochs=120)).learn(model, task)
    u, v = data.y[edge_ends(adj)]
    across = (u != v).double()
    kept = select_edges(adj, score, sparsity=0.3)
    assert 0.4 < float(across.mean()) < 0.6
    assert float(across[~kept].mean()) > 0.85  # half of them by chance


def test_the_score_and_the_model_left_alone(small):
    model = factory()
    before = {n: t.clone() for n, t in model.state_dict().items()}
    score, course = LearnedGate(training=SHORT).learn(model, Task.from_data(small))
    assert score.dtype == torch.float64
    assert score.shape == (to_adjacency(small).num_edges,)
    assert len(course.loss) == 8
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, before[name])


def test_baselines_have_the_same_size(small):
    search = LearnedGate(0.4, training=SHORT)
    baselines = search.baselines()
    assert set(baselines) == {'random_edges', 'degree_edges'}
    masks = [s.search(factory, small).edge_mask for s in (search, *baselines.values())]
    assert len({mask.num_kept for mask in masks}) == 1
    assert not torch.equal(masks[0].keep, masks[1].keep)


def test_a_conv_that_knows_no_soft_mask(small):
    class Mine(MessagePassing):
        def forward(self, x, edge_index):
            return self.propagate(edge_index, x=x)

    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.conv = torch.nn.Linear(16, 3), Mine()

        def forward(self, x, edge_index):
            return self.conv(self.lin(x), edge_index)

    with pytest.raises(InputError, match='Mine knows no soft masks'):
        LearnedGate(training=SHORT).search(Net, small)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_sparsity': 1.0}, r'graph_sparsity .* \(got 1\.0\)'),
        ({'penalty': -1.0}, r'penalty .* \(got -1\.0\)'),
        ({'temperature': 0.0}, r'temperature .* \(got 0\.0\)'),
        ({'hidden': 0}, r'hidden .* \(got 0\)'),
        ({'select': 'best'}, "'best'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        LearnedGate(**options)
