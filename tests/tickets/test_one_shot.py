import math

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError, find
from graphsparse.graph import to_adjacency
from graphsparse.pruning import WeightScore, prunable, select_edges, select_weights
from graphsparse.pruning.edges.degree import DegreeScore
from graphsparse.tickets import Dense, OneShot
from graphsparse.training import Task, Training, Watch, make_probe

SHORT = Training(epochs=6)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def theta_0(seed=0):
    torch.manual_seed(seed)
    return factory()


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


@pytest.mark.parametrize('score', list(find(WeightScore)))
def test_at_initialisation_by_any_score(small, score):
    search = OneShot(0.3, 0.55, score, score='degree', training=SHORT)
    ticket = search.search(theta_0(), small, seed=4)
    model, adj = theta_0(), to_adjacency(small)
    probe = make_probe(model, small)
    expected = select_weights(prunable(model), 0.55, score, probe=probe, seed=4)
    assert same(ticket.weight_mask.keep, expected.keep)
    assert ticket.weight_mask.num_kept == 152 - math.ceil(0.55 * 152)
    edges = select_edges(adj, DegreeScore()(adj), sparsity=0.3)
    assert torch.equal(ticket.edge_mask.keep, edges)
    assert ticket.edge_mask.num_kept == adj.num_edges - math.floor(0.3 * adj.num_edges)
    for name, keep in ticket.weight_mask.keep.items():
        assert torch.equal(ticket.trained[name] != 0, keep)
    assert ticket.trained['convs.0.bias'].any()  # not in the prunable set


@pytest.mark.parametrize('distribution', ['global', 'uniform', 'erk'])
def test_exact_in_every_layer(small, distribution):
    search = OneShot(0.0, 0.75, distribution=distribution, training=SHORT)
    ticket = search.search(theta_0(), small)
    found = [int(keep.sum()) for keep in ticket.weight_mask.keep.values()]
    if distribution == 'global':
        weights = [w.abs() for w in prunable(theta_0()).values()]
        flat = torch.cat([w.reshape(-1) for w in weights])
        threshold = flat.sort(descending=True).values[37]
        assert found == [int((w >= threshold).sum()) for w in weights]
    else:  # of 38: in proportion to 128 : 24, or to 24 : 11
        assert found == {'uniform': [32, 6], 'erk': [26, 12]}[distribution]


def test_from_trained_weights_it_goes_on_from_what_is_left(small):
    dense = Dense(SHORT).search(theta_0(), small)
    stages = []
    watch = Watch((lambda step: stages.append(step.stage),))
    search = OneShot(0.2, 0.5, when='trained', training=SHORT)
    alone = search.search(theta_0(), small, watch=watch)
    assert stages == ['dense'] * 6 + ['sparse'] * 6
    stages.clear()
    helped = search.search(theta_0(), small, dense=dense, watch=watch)
    assert stages == ['sparse'] * 6
    assert same(alone.trained, helped.trained)
    trained, _ = dense.apply(theta_0(), small)
    expected = select_weights(prunable(trained), 0.5)
    assert same(alone.weight_mask.keep, expected.keep)
    assert not same(expected.keep, select_weights(prunable(theta_0()), 0.5).keep)
    assert same(dict(alone.init.state), theta_0().state_dict())
    # With nothing removed and no step made, what goes on are the trained weights.
    still = Training(epochs=1, lr=0.0, weight_decay=0.0)
    kept = OneShot(0.0, 0.0, when='trained', training=still).search(
        theta_0(), small, dense=dense
    )
    assert same(kept.trained, dict(dense.trained))


def test_no_sparsity_is_the_dense_network(small):
    plain = OneShot(0.0, 0.0, training=SHORT).search(factory, small)
    dense = Dense(SHORT).search(factory, small)
    assert plain.weight_mask is None and plain.edge_mask.sparsity == 0
    assert same(dict(plain.trained), dict(dense.trained))


def test_weights_are_scored_on_the_whole_graph(small):
    masks = [
        OneShot(level, 0.5, 'snip', training=SHORT).search(theta_0(), small).weight_mask
        for level in (0.0, 0.6)
    ]
    assert same(masks[0].keep, masks[1].keep)


def test_the_baseline_is_random_in_both(small):
    (name, plain), *rest = OneShot(0.4, 0.3, 'snip', training=SHORT).baselines().items()
    assert name == 'one_shot_random' and not rest and plain.baselines() == {}
    assert (plain.graph_sparsity, plain.weight_sparsity) == (0.4, 0.3)
    tickets = [plain.search(theta_0(), small, seed=seed) for seed in (0, 1)]
    assert not torch.equal(*(t.edge_mask.keep for t in tickets))
    assert not same(*(t.weight_mask.keep for t in tickets))
    layers = [[int(k.sum()) for k in t.weight_mask.keep.values()] for t in tickets]
    assert layers[0] == layers[1]  # by ERK, whatever is drawn


def test_runs_on_a_task_and_refuses_another_moment(small):
    ticket = OneShot(training=SHORT).search(factory, Task.from_data(small))
    assert ticket.facts['epochs'] == 6
    with pytest.raises(InputError, match=r"'train'.*'trained'"):
        OneShot(when='train')
