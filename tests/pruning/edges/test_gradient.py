import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.gradient import gradient_score
from tests.helpers import FIVE, both_ways, graphs, modest

EDGES = both_ways([(0, 0), *FIVE])


@modest
@given(graphs())
def test_sums_over_twins_of_absolute_values(graph):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    slope = torch.arange(adj.num_input).double() - 3
    if not adj.num_input:
        return
    score = gradient_score(adj, lambda w: (w * slope).sum(), torch.float64)
    expected = torch.zeros(adj.num_edges).double()
    expected.index_add_(0, adj.edge(), slope.abs()[adj.edge_id])
    assert torch.equal(score, expected)


def test_by_differences(small):
    torch.manual_seed(0)
    model = GCN(16, 8, 2, 3).double().eval()
    x, train = small.x.double(), small.train_mask

    def loss(weight):
        out = model(x, small.edge_index, weight)
        return F.cross_entropy(out[train], small.y[train])

    adj = to_adjacency(small)
    score = gradient_score(adj, loss, torch.float64)
    weight = torch.ones(small.num_edges).double()
    for edge in range(0, adj.num_edges, 40):
        total = 0.0
        for slot in (adj.edge() == edge).nonzero().squeeze(1):
            step = torch.zeros_like(weight)
            step[adj.edge_id[slot]] = 1e-6
            total += abs(float(loss(weight + step) - loss(weight - step))) / 2e-6
        assert float(score[edge]) == pytest.approx(total, abs=1e-8)
    assert int(select_edges(adj, score, sparsity=0.5).sum()) < adj.num_edges
    assert all(p.grad is None for p in model.parameters())


def test_taken_at_the_graphs_own_weights():
    given = torch.arange(1.0, 12.0)
    adj = to_adjacency(EDGES, 5, given, undirected=True)
    seen = []
    score = gradient_score(adj, lambda w: (seen.append(w.detach()), w.pow(2).sum())[1])
    assert torch.equal(seen[0], given)
    assert score.tolist() == [
        2 * (a + b) for a, b in zip(given[1:6], given[6:], strict=True)
    ]


@pytest.mark.parametrize(
    ('loss', 'message'),
    [
        (lambda w: w, 'one finite number'),
        (lambda w: w.sum() * torch.inf, 'one finite number'),
        (lambda w: 3.0, r'one finite number \(got 3\.0\)'),
        (lambda w: w.detach().sum(), 'does not depend on the edge weights'),
        (lambda w: torch.ones(1, requires_grad=True), 'does not depend'),
        (lambda w: (w - 1).abs().sqrt().sum(), 'gradient .* is not finite'),
    ],
)
def test_losses_that_say_nothing(loss, message):
    with pytest.raises(InputError, match=message):
        gradient_score(to_adjacency(EDGES, 5), loss)
