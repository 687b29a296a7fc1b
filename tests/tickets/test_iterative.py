import math
from itertools import pairwise

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import prunable, select_weights
from graphsparse.tickets import Dense, Iterative
from graphsparse.training import Task, Training, Watch, fit

SHORT = Training(epochs=5)
RATES = {'graph_sparsity': 1 - 0.95**4, 'weight_sparsity': 1 - 0.8**4, 'rounds': 4}


def theta_0():
    torch.manual_seed(0)
    return GCN(16, 8, 2, 3, dropout=0.5)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def rounds_of(search, data, **options):
    return list(search.run_rounds(theta_0(), Task.from_data(data), **options))


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'rewind_epoch': 2},
        {'distribution': 'erk'},
        {'weight_score': 'snip', 'score': 'random'},
        {'select': 'per_node'},
    ],
)
def test_masks_are_nested_and_exact(small, options):
    tickets = rounds_of(Iterative(**RATES, **options, training=SHORT), small)
    edges = to_adjacency(small).num_edges
    assert len(tickets) == 4
    for turn, ticket in enumerate(tickets, 1):
        assert ticket.weight_mask.num_kept == 152 - math.ceil(152 * (1 - 0.8**turn))
        cut = math.floor(edges * (1 - 0.95**turn))
        assert ticket.edge_mask.num_kept == edges - cut
        for name, keep in ticket.weight_mask.keep.items():
            assert torch.equal(ticket.trained[name] != 0, keep)
    for outer, inner in pairwise(tickets):
        assert not (inner.edge_mask.keep & ~outer.edge_mask.keep).any()
        for name, keep in inner.weight_mask.keep.items():
            assert not (keep & ~outer.weight_mask.keep[name]).any()
    assert [row['val'] for row in tickets[-1].facts['rounds']] == [
        tickets[turn].facts['rounds'][-1]['val'] for turn in range(4)
    ]


@pytest.mark.parametrize('k', [0, 2])
def test_survivors_begin_at_theta_k(small, k):
    """Bit for bit, in every round, and trained from there."""
    task, model = Task.from_data(small), theta_0()
    if k:
        fit(model, task, Training(epochs=k), choose='last')
    expected = {n: t.clone() for n, t in model.state_dict().items()}
    if k:
        assert not same(expected, theta_0().state_dict())

    search = Iterative(**RATES, rewind_epoch=k, training=SHORT)
    for ticket in rounds_of(search, small):
        assert same(dict(ticket.init.state), expected)
        begun, _ = ticket.apply(theta_0(), task.graph, rewind=True)
        for name, weight in begun.state_dict().items():
            keep = ticket.weight_mask.keep.get(name)
            if keep is None:
                assert torch.equal(weight, expected[name])
            else:
                assert torch.equal(weight[keep], expected[name][keep])
                assert not weight[~keep].any()
        # Trained from there, on its graph, under its mask, it is the ticket again.
        graph = ticket.apply_graph(task.graph)

        def project(net, mask=ticket.weight_mask):
            net.load_state_dict(mask.apply(net.state_dict()))

        rest = Training(epochs=5 - k)
        fit(begun, task, rest, graph=graph, project=project)
        assert same(begun.state_dict(), dict(ticket.trained))


def test_weights_are_pruned_by_what_the_round_before_trained(small):
    tickets = rounds_of(Iterative(**RATES, training=SHORT), small)
    dense, _ = Dense(SHORT).search(theta_0(), small).apply(theta_0(), small)
    first = select_weights(prunable(dense), 1 - 0.8)
    assert same(tickets[0].weight_mask.keep, first.keep)
    for before, after in pairwise(tickets):
        model, _ = before.apply(theta_0(), small)
        level = after.facts['rounds'][-1]['weight_sparsity']
        expected = select_weights(
            prunable(model), level, within=before.weight_mask, count='floor'
        )
        assert same(after.weight_mask.keep, expected.keep)


def test_the_same_dense_ticket_saves_the_first_training(small):
    stages = []
    watch = Watch((lambda step: stages.append(step.stage),))
    search = Iterative(0.2, 0.5, rounds=1, training=SHORT)
    alone = search.search(theta_0(), small, watch=watch)
    assert stages == ['dense'] * 5 + ['round-1'] * 5
    stages.clear()
    dense = Dense(SHORT).search(theta_0(), small)
    helped = search.search(theta_0(), small, dense=dense, watch=watch)
    assert stages == ['round-1'] * 5
    assert same(dict(alone.trained), dict(helped.trained))


@pytest.mark.parametrize('k', [0, 2])
def test_a_finished_round_is_not_trained_again(small, tmp_path, k):
    search = Iterative(**RATES, rewind_epoch=k, training=SHORT)
    whole = search.search(theta_0(), small)
    seen = []

    class Stop(Exception):
        pass

    def stop(step):
        if (step.stage, step.epoch) == ('round-3', 1):
            raise Stop

    def look(step):
        seen.append((step.stage, step.epoch))

    with pytest.raises(Stop):
        search.search(theta_0(), small, watch=Watch((stop,), tmp_path, every=0.0))
    resumed = search.search(theta_0(), small, watch=Watch((look,), tmp_path))
    assert seen[0] == ('round-3', 1) and {stage for stage, _ in seen} == {
        'round-3',
        'round-4',
    }
    assert same(dict(resumed.trained), dict(whole.trained))
    assert resumed.facts['rounds'] == whole.facts['rounds']
    again = []
    watch = Watch((lambda step: again.append(step),), tmp_path)
    assert same(
        dict(search.search(theta_0(), small, watch=watch).trained), dict(whole.trained)
    )
    assert not again


def test_rewinding_reads_no_validation_score(small):
    """theta_k is where k epochs lead, also where an earlier one was better."""
    rough = Training(epochs=5, lr=1.0)
    model, task = theta_0(), Task.from_data(small)
    course = fit(model, task, Training(epochs=3, lr=1.0), choose='last')
    assert course.val[2] < course.val[0]
    search = Iterative(0.2, 0.5, rounds=1, rewind_epoch=3, training=rough)
    (ticket,) = rounds_of(search, small)
    assert same(dict(ticket.init.state), model.state_dict())


def test_baselines_are_random_rounds_and_one_shot(small):
    search = Iterative(0.3, 0.5, rounds=2, training=SHORT)
    baselines = search.baselines()
    assert set(baselines) == {'iterative_random', 'iterative_at_once'}
    for other in baselines.values():
        ticket = other.search(theta_0(), small)
        assert ticket.weight_mask.num_kept == 76
        assert ticket.graph_sparsity == pytest.approx(0.3, abs=0.01)
    assert set(baselines['iterative_random'].baselines()) == {'iterative_at_once'}


def test_batch_statistics_are_rewound_too(small):
    torch.manual_seed(0)
    model = GCN(16, 8, 2, 3, norm='batch_norm')
    search = Iterative(0.0, 0.5, rounds=1, training=SHORT)
    ticket = search.search(model, small)
    assert int(ticket.trained['norms.0.module.num_batches_tracked']) <= 5
    assert int(ticket.init.state['norms.0.module.num_batches_tracked']) == 0


def test_no_weights_or_no_edges_to_prune(small):
    ticket = Iterative(0.3, 0.0, rounds=2, training=SHORT).search(theta_0(), small)
    assert ticket.weight_mask is None and ticket.graph_sparsity > 0.29
    ticket = Iterative(0.0, 0.3, rounds=2, training=SHORT).search(theta_0(), small)
    assert ticket.graph_sparsity == 0 and ticket.weight_sparsity > 0.3


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'rounds': 0}, r'rounds .* \(got 0\)'),
        ({'rewind_epoch': 5}, r'rewind_epoch .* 5 epochs .* \(got 5\)'),
        ({'rewind_epoch': -1}, r'\(got -1\)'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Iterative(**options, training=SHORT)
