import math

import numpy as np
import pytest
import torch

from graphsparse.data import csbm
from graphsparse.data.synthetic import _draw_distinct
from graphsparse.engine import InputError, PeakMemory


def within(data):
    row, col = data.edge_index
    return int((data.y[row] == data.y[col]).sum()) // 2


@pytest.mark.parametrize(
    ('classes', 'degree', 'homophily'),
    [(2, 10.0, 0.8), (5, 6.0, 0.2), (3, 20.0, 0.5), (7, 3.5, 1.0), (2, 4.0, 0.0)],
)
def test_degree_and_homophily_hold_in_expectation(classes, degree, homophily):
    nodes, seeds = 3000, range(5)
    graphs = [csbm(nodes, classes, degree, homophily, 1, seed=s) for s in seeds]
    inside = sum(within(data) for data in graphs)
    across = sum(data.num_edges // 2 - within(data) for data in graphs)
    edges = len(graphs) * nodes * degree / 2
    # Sums of independent Bernoulli draws: the variance is at most the mean.
    assert abs(inside - edges * homophily) <= 4 * math.sqrt(edges * homophily)
    assert abs(across - edges * (1 - homophily)) <= 4 * math.sqrt(edges - inside)
    assert len({data.num_edges for data in graphs}) > 1


def test_graph_is_simple_undirected_and_sorted():
    data = csbm(500, 4, degree=12.0)
    assert data.is_undirected()
    assert data.is_coalesced()
    assert not data.has_self_loops()
    assert data.x.dtype == torch.float32
    assert data.y.dtype == torch.int64
    sizes = torch.bincount(csbm(502, 4).y)
    assert sorted(sizes.tolist()) == [125, 125, 126, 126]


def test_edges_fall_evenly_on_pairs():
    counts = torch.zeros(24, 24)
    y = csbm(24, 2, degree=5.0, homophily=0.6, seed=0, train_per_class=2).y
    same = torch.zeros(24, 24)
    for seed in range(400):
        data = csbm(24, 2, degree=5.0, homophily=0.6, seed=seed, train_per_class=2)
        y = data.y
        counts[data.edge_index[0], data.edge_index[1]] += 1
        same += (y[:, None] == y[None]).float()
    # Node numbers are random: over seeds every pair is linked as often, 400 * 5 / 23.
    off = ~torch.eye(24, dtype=torch.bool)
    assert counts[~off].sum() == 0
    assert abs(counts[off].mean() - 400 * 5 / 23) < 2
    assert counts[off].min() > 45
    assert counts[off].max() < 140
    assert same[off].min() > 100


def test_pairs_of_a_class_are_equally_likely():
    # With every pair of two classes alike, each node's degree is as any other's.
    degrees = torch.zeros(2)
    for seed in range(50):
        data = csbm(200, 2, degree=8.0, homophily=0.5, seed=seed, train_per_class=2)
        degree = torch.bincount(data.edge_index[0], minlength=200).float()
        degrees += torch.stack([degree[data.y == c].mean() for c in (0, 1)])
    torch.testing.assert_close(degrees / 50, torch.full((2,), 8.0), rtol=0, atol=0.3)


def test_complete_and_empty_graphs():
    full = csbm(50, 2, degree=49, homophily=24 / 49, train_per_class=5)
    assert full.num_edges == 50 * 49
    empty = csbm(50, 2, degree=0, train_per_class=5)
    assert empty.edge_index.shape == (2, 0)
    assert empty.edge_index.dtype == torch.int64


def test_signal_is_the_length_of_class_means():
    data = csbm(20000, 2, num_features=8, signal=3.0)
    for label in (0, 1):
        x = data.x[data.y == label]
        assert abs(float(x.mean(0).norm()) - 3) < 0.1
        assert abs(float(x.var(0).mean()) - 1) < 0.05
    noise = csbm(20000, 2, num_features=8, signal=0.0)
    assert float(noise.x[noise.y == 0].mean(0).norm()) < 0.1


def test_masks():
    data = csbm(1000, 4, train_per_class=15, val_fraction=0.5)
    assert torch.bincount(data.y[data.train_mask]).tolist() == [15] * 4
    assert int(data.val_mask.sum()) == 470
    masks = data.train_mask.int() + data.val_mask.int() + data.test_mask.int()
    assert torch.equal(masks, torch.ones(1000, dtype=torch.int32))


def test_seed_alone_decides():
    first, again, other = csbm(300), csbm(300), csbm(300, seed=1)
    for key, value in first.items():
        assert torch.equal(value, again[key]), key
    assert first.num_edges != other.num_edges or not torch.equal(
        first.edge_index, other.edge_index
    )


def test_cost_grows_with_edges_not_with_pairs():
    with PeakMemory() as peak:
        before = peak.megabytes
        data = csbm(200_000, 2, degree=5.0, num_features=4)
    assert abs(data.num_edges / 1e6 - 1) < 0.02
    # One boolean a pair would be 40,000 MB.
    assert peak.megabytes - before < 400


@pytest.mark.parametrize(('total', 'count'), [(10, 10), (10, 6), (10, 5), (10, 1)])
def test_distinct_draws_are_a_uniform_subset(total, count):
    rng = np.random.default_rng(0)
    hits = np.zeros(total)
    for _ in range(4000):
        drawn = _draw_distinct(total, count, rng)
        assert len(set(drawn.tolist())) == count
        hits[drawn] += 1
    share = count / total
    spread = math.sqrt(4000 * share * (1 - share))
    assert np.abs(hits - 4000 * share).max() <= 4.5 * spread


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_nodes': 1}, 'num_nodes is 1'),
        ({'num_nodes': 50.0}, 'num_nodes is 50.0'),
        ({'num_classes': 1}, 'num_classes is 1'),
        ({'num_classes': 51}, 'num_classes is 51'),
        ({'degree': -1}, 'degree is -1'),
        ({'degree': float('nan')}, 'degree is nan'),
        ({'homophily': 1.5}, 'homophily is 1.5'),
        ({'num_features': 0}, 'num_features is 0'),
        ({'signal': -2}, 'signal is -2'),
        ({'signal': 'big'}, "signal is 'big'"),
        ({'seed': -1}, 'seed is -1'),
        ({'train_per_class': 0}, 'train_per_class is 0'),
        ({'train_per_class': 26}, 'Class . has 25 nodes, but 26'),
        ({'val_fraction': 2}, 'val_fraction is 2'),
        ({'val_fraction': 1}, 'none to test on'),
    ],
)
def test_bad_arguments_are_named(options, message):
    with pytest.raises(InputError, match=message):
        csbm(**{'num_nodes': 50, 'degree': 4.0, **options})


def test_more_edges_than_pairs():
    with pytest.raises(InputError, match=r'800 edges within classes.*only 600 pairs'):
        csbm(50, degree=40.0, homophily=0.8)
