import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.loading import SaintLoader
from tests.helpers import FIVE, both_ways
from tests.loading.conftest import check_follow, check_streams

METHODS = ['node', 'edge', 'random_walk']


def make(data, method='node', batch_size=10, **options):
    return SaintLoader(data, method, batch_size, **{'num_steps': 3} | options)


@pytest.fixture
def five():
    edge_index = both_ways(FIVE)
    order = torch.tensor([3, 9, 1, 0, 7, 5, 2, 8, 4, 6])
    return Data(x=torch.eye(5), edge_index=edge_index[:, order], num_nodes=5)


def missing(mass, draws):
    """Probability that no draw hits what has this mass."""
    return (1 - mass) ** draws


def walk_masses(data, steps):
    """Probability that a walk visits u or v, ``[nodes, nodes]``, by all walks."""
    size, neighbours = data.num_nodes, {}
    for source, target in data.edge_index.t().tolist():
        neighbours.setdefault(target, []).append(source)
    walks = [((v,), 1 / size) for v in range(size)]
    for _ in range(steps):
        walks = [
            ((*walk, u), prob / len(neighbours[walk[-1]]))
            for walk, prob in walks
            for u in neighbours[walk[-1]]
        ]
    mass = torch.zeros(size, size, dtype=torch.float64)
    for walk, prob in walks:
        seen = torch.zeros(size, dtype=torch.bool)
        seen[list(walk)] = True
        mass += prob * (seen[:, None] | seen)
    return mass


def exact(data, method, draws, steps=2):
    """Probability that both u and v are sampled, ``[nodes, nodes]``."""
    size = data.num_nodes
    source, target = data.edge_index
    degree = target.bincount(minlength=size).double().clamp(min=1)
    if method == 'random_walk':
        mass = walk_masses(data, steps)
    elif method == 'node':
        node = torch.zeros(size, dtype=torch.float64)
        for u, v in data.edge_index.t().tolist():
            node[u] += 1 / degree[v] ** 2
        node /= node.sum()
        mass = node[:, None] + node - torch.diag(node)
    else:
        share = 1 / degree[source] + 1 / degree[target]
        share /= share.sum()
        mass = torch.zeros(size, size, dtype=torch.float64)
        for u in range(size):
            for v in range(size):
                touches = torch.isin(data.edge_index, torch.tensor([u, v])).any(0)
                mass[u, v] = share[touches].sum()
    alone = missing(mass.diagonal(), draws)
    return 1 - alone[:, None] - alone + missing(mass, draws)


def test_degrees_of_both_ends_count_on_a_directed_graph():
    arcs = torch.tensor([[0, 1, 2, 3, 0, 4], [1, 2, 1, 1, 3, 0]])
    data = Data(edge_index=arcs, num_nodes=5)
    prob = exact(data, 'edge', draws=1).diagonal()
    loader = make(data, 'edge', 1, num_steps=3000)
    seen = torch.cat([batch.n_id for batch in loader]).bincount()
    torch.testing.assert_close(seen / 3000, prob, rtol=0.1, atol=0, check_dtype=False)


@pytest.mark.parametrize('method', METHODS)
def test_norms_are_those_of_the_exact_probabilities(five, method):
    both = exact(five, method, draws=2)
    loader = make(five, method, 2, sample_coverage=3000)
    prob = both.diagonal()
    torch.testing.assert_close(
        loader.node_norm.double(), 1 / (5 * prob), rtol=0.06, atol=0
    )
    slot = torch.arange(10)
    source, target = five.edge_index[:, loader.rows.edge_id(slot)]
    expected = prob[target] / both[source, target]
    torch.testing.assert_close(loader.edge_norm.double(), expected, rtol=0.1, atol=0)
    assert expected.std() > 0.1  # a constant would not pass


def test_the_normalised_loss_is_unbiased(five):
    loader = make(five, 'node', 2, sample_coverage=1500, num_steps=1000)
    loss = torch.tensor([1.0, 5.0, 2.0, 8.0, 3.0])
    means = [float((loss[b.n_id] * b.node_norm).sum()) for b in loader]
    error = abs(sum(means) / len(means) - 3.8)
    assert error < 0.3


@pytest.mark.parametrize('method', METHODS)
def test_the_same_batches_whatever_the_workers(data, method):
    check_streams(lambda **more: make(data, method, sample_coverage=2, **more))


@pytest.mark.parametrize('method', METHODS)
def test_batches_are_what_their_nodes_induce(data, method):
    loader = make(data, method, sample_coverage=5)
    for batch in loader:
        check_follow(batch, data)
        most = {'node': 10, 'edge': 20, 'random_walk': 30}[method]
        assert 1 < batch.num_nodes <= most
        inside = torch.isin(data.edge_index, batch.n_id).all(0).nonzero().squeeze(1)
        assert torch.equal(batch.e_id.sort().values, inside)
        assert torch.equal(batch.node_norm, loader.node_norm[batch.n_id])
        by_edge = torch.empty(data.num_edges)
        by_edge[loader.rows.order] = loader.edge_norm
        assert torch.equal(batch.edge_norm, by_edge[batch.e_id])
    assert len(loader) == 3
    assert 'node_norm' not in next(iter(make(data, method)))


def test_full_coverage_needs_no_norm(five):
    loader = make(five, 'node', 500, sample_coverage=10)
    torch.testing.assert_close(loader.node_norm, torch.full((5,), 0.2))
    assert torch.equal(loader.edge_norm, torch.ones(10))


def test_what_is_never_seen_counts_once(five):
    five = Data(edge_index=five.edge_index, num_nodes=7)
    loader = make(five, 'node', 3, sample_coverage=50)
    assert loader.node_norm.isfinite().all()
    assert loader.node_norm[5] > loader.node_norm[:5].max()


def test_bad_input(five):
    with pytest.raises(InputError, match=r"'node', 'edge', 'random_walk'.*'walk'"):
        make(five, 'walk')
    for options in (
        {'batch_size': 0},
        {'num_steps': 0},
        {'walk_length': 0},
        {'sample_coverage': -1},
    ):
        name, value = next(iter(options.items()))
        with pytest.raises(InputError, match=rf'{name}.*got {value}'):
            make(five, **options)
    empty = Data(num_nodes=3, edge_index=torch.empty(2, 0, dtype=torch.int64))
    for method in ('node', 'edge'):
        with pytest.raises(InputError, match=f"'{method}' draws by edges"):
            make(empty, method)
    assert next(iter(make(empty, 'random_walk'))).num_edges == 0
