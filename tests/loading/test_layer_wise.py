import pytest
import torch
from scipy.stats import chisquare
from torch_geometric.nn import GCNConv, SAGEConv
from torch_geometric.utils import trim_to_layer

from graphsparse.engine import InputError
from graphsparse.loading import LayerLoader
from tests.helpers import dense_adjacency
from tests.loading.conftest import check_streams

BOTH = pytest.mark.parametrize('method', ['ladies', 'fastgcn'])
WEIGHTED = pytest.mark.parametrize('weighted', [False, True])


def make(data, num_samples=(8, 6), **options):
    options = {'batch_size': 12, 'shuffle': True} | options
    return LayerLoader(data, list(num_samples), **options)


def mean_matrix(data):
    size = data.num_nodes
    dense = dense_adjacency(data.edge_index, torch.ones(data.num_edges), size)
    return dense / dense.sum(1, keepdim=True).clamp(min=1)


@BOTH
@WEIGHTED
def test_the_same_batches_whatever_the_workers(data, method, weighted):
    check_streams(lambda **more: make(data, method=method, weighted=weighted, **more))


@BOTH
@WEIGHTED
def test_layers_stand_side_by_side(data, method, weighted):
    for batch in make(data, method=method, weighted=weighted, input_nodes=data.y == 1):
        sizes, edges = batch.num_sampled_nodes, batch.num_sampled_edges
        assert torch.equal(batch.x, data.x[batch.n_id])
        assert torch.equal(batch.n_id[: batch.batch_size], batch.input_id)
        ends = batch.n_id[batch.edge_index]
        assert torch.equal(ends, data.edge_index[:, batch.e_id])
        assert torch.equal(batch.edge_attr, data.edge_attr[batch.e_id])
        assert sum(sizes) == batch.num_nodes and sum(edges) == batch.num_edges
        assert ('edge_weight' in batch) == weighted
        layer = torch.repeat_interleave(torch.arange(3), torch.tensor(sizes))
        expected = torch.repeat_interleave(torch.arange(2), torch.tensor(edges))
        assert torch.equal(layer[batch.edge_index[1]], expected)
        assert torch.equal(layer[batch.edge_index[0]], expected + 1)
        above = batch.n_id[: sizes[0]]
        for hop, drawn in enumerate([8, 6]):
            here = batch.n_id[layer == hop + 1]
            assert here.unique().numel() == here.numel()
            kept = above.numel() if method == 'ladies' else 0
            assert here.numel() <= drawn + kept
            if kept:
                assert torch.equal(here[:kept], above)
            arcs = data.edge_index[:, torch.isin(data.edge_index[1], above)]
            both = torch.isin(arcs[0], here).sum()
            assert both == edges[hop]  # all edges between the layers
            above = here


@BOTH
def test_all_sampled_is_the_exact_mean(data, method):
    torch.manual_seed(0)
    root = method == 'ladies'
    convs = [SAGEConv(8, 8, root_weight=root), SAGEConv(8, 4, root_weight=root)]
    full = data.x
    for conv in convs:
        full = conv(full, data.edge_index).relu()
    for batch in make(data, [1000, 1000], method=method, weighted=False):
        x, edge_index, trimmed = batch.x, batch.edge_index, batch.x
        for layer, conv in enumerate(convs):
            x = conv(x, batch.edge_index).relu()
            trimmed, edge_index, _ = trim_to_layer(
                layer,
                batch.num_sampled_nodes,
                batch.num_sampled_edges,
                trimmed,
                edge_index,
            )
            trimmed = conv(trimmed, edge_index).relu()
        targets = batch.n_id[: batch.batch_size]
        torch.testing.assert_close(x[: batch.batch_size], full[targets])
        torch.testing.assert_close(trimmed[: batch.batch_size], full[targets])


def test_weighted_ladies_with_all_sampled_is_exact(data):
    convs = [GCNConv(8, 8, normalize=False), GCNConv(8, 4, normalize=False)]
    exact = mean_matrix(data).float()
    full = data.x
    for conv in convs:
        full = exact @ (full @ conv.lin.weight.t()) + conv.bias
    for batch in make(data, [1000, 1000]):
        x = batch.x
        for conv in convs:
            x = conv(x, batch.edge_index, batch.edge_weight)
        torch.testing.assert_close(
            x[: batch.batch_size], full[batch.n_id[: batch.batch_size]]
        )


@pytest.mark.parametrize('given', [False, True])
def test_fastgcn_is_unbiased(data, given):
    exact = mean_matrix(data)
    if given:
        data.edge_weight = 0.5 + torch.rand(data.num_edges)
        exact = dense_adjacency(data.edge_index, data.edge_weight, data.num_nodes)
    targets = torch.tensor([3, 40, 5])
    exact = exact[targets]
    loader = make(
        data, [10], method='fastgcn', input_nodes=targets, shuffle=False, batch_size=3
    )
    samples = []
    for _ in range(800):
        (batch,) = loader
        ends = torch.stack([batch.n_id[batch.edge_index[0]], batch.edge_index[1]])
        samples.append(dense_adjacency(ends, batch.edge_weight, 60)[:3])
    samples = torch.stack(samples)
    spread = samples.std(0) / len(samples) ** 0.5
    assert (samples.std(0)[exact > 0] > 0).all()
    assert ((samples.mean(0) - exact).abs() <= 5 * spread + 1e-9).all()


def test_fastgcn_counts_how_often_a_node_was_drawn(data):
    (batch,) = make(data, [2000], method='fastgcn', batch_size=60)
    source, target = data.edge_index
    degree = target.bincount(minlength=60).double()
    square = degree[target] ** -2
    share = torch.zeros(60).double().index_add_(0, source, square) / square.sum()
    source, target = batch.n_id[batch.edge_index]
    times = batch.edge_weight * degree[target] * 2000 * share[source]
    torch.testing.assert_close(times, times.round(), rtol=1e-4, atol=1e-4)
    assert times.unique().numel() > 5


def test_layers_draw_for_themselves(data):
    (batch,) = make(data, [6, 6], method='fastgcn', batch_size=60)
    first, second = batch.n_id[60:].split(batch.num_sampled_nodes[1:])
    assert not torch.equal(first, second)


@BOTH
def test_nodes_are_drawn_by_one_over_the_degree(data, method):
    node = int(data.edge_index[1].bincount()[6:].argmax()) + 6  # without a loop
    loader = make(data, [1], input_nodes=[node], method=method, weighted=False)
    drawn = []
    for _ in range(1500):
        (batch,) = loader
        assert batch.num_nodes == 2 + (method == 'ladies')
        drawn.append(batch.n_id[-1:])
    seen = torch.cat(drawn).bincount(minlength=60).double()
    near = data.edge_index[0, data.edge_index[1] == node].unique()
    share = 1 / data.edge_index[1].bincount(minlength=60)[near].double()
    assert seen.sum() == seen[near].sum()
    assert chisquare(seen[near], 1500 * share / share.sum()).pvalue > 0.01


def test_targets_that_nothing_reaches(data):
    for method in ('ladies', 'fastgcn'):
        for weighted in (False, True):
            options = {'method': method, 'weighted': weighted}
            (batch,) = make(data, input_nodes=[58, 59], **options)
            assert batch.num_sampled_edges[0] == 0 and batch.batch_size == 2


def test_other_batches_draw_others(data):
    first, second = make(data, [6], method='fastgcn', batch_size=30)
    assert not torch.equal(first.n_id[30:].sort()[0], second.n_id[30:].sort()[0])


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'method': 'saint'}, "got 'saint'"),
        ({'num_samples': [4, 0]}, r'num_samples.*got 0'),
        ({'num_samples': []}, 'num_samples lists'),
        ({'input_nodes': [60]}, 'names node 60'),
        ({'input_nodes': [3, 4, 3]}, 'node 3 more than once'),
        ({'input_nodes': torch.zeros(60, dtype=torch.bool)}, 'is empty'),
    ],
)
def test_bad_input(data, options, message):
    with pytest.raises(InputError, match=message):
        make(data, **options)
