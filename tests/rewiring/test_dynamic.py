import json
import math
import signal
import subprocess
import sys
from dataclasses import replace

import pytest
import torch
from torch_geometric.nn import GCN
from torch_geometric.utils import get_laplacian, to_dense_adj

from graphsparse.engine import InputError
from graphsparse.nn import RewiredGCN
from graphsparse.pruning import Ticket
from graphsparse.pruning.init import initial_model
from graphsparse.rewiring import DynamicRewiring, initialise
from graphsparse.training import Task, Training, Watch, fit

SHORT = Training(epochs=12, lr=5e-3, ties='first')
PLAIN = DynamicRewiring(init=None, probe_epochs=8, training=SHORT)
ONLINE = replace(PLAIN, online=True, threshold=0.97)
GRADIENT = replace(ONLINE, metric='gradient', warmup=3, smoothing=0.5)
KINDS = {
    'energy': PLAIN,
    'online': ONLINE,
    'gradient': GRADIENT,
    'gradient_probe': replace(GRADIENT, online=False),
}


def factory(num_layers=6):
    return RewiredGCN(16, 3, 8, num_layers)


def layers_of(rewired):
    return [skip.layer for skip in rewired.skips]


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


@pytest.mark.parametrize('method', KINDS.values(), ids=KINDS)
def test_at_0_no_layer_and_the_plain_gcn_bit_for_bit(method, small):
    rewired = replace(method, threshold=0.0).rewire(factory, small, seed=3)
    assert rewired.skips == () and not rewired.model.skips.any()
    seed = 3 if method.online else 5
    plain = initial_model(factory, seed)
    course = fit(plain, Task.from_data(small), SHORT, seed=seed)
    assert course.loss == rewired.course.loss and course.val == rewired.course.val
    assert same(plain, rewired.model) and not rewired.model.training


@pytest.mark.parametrize(('kind', 'epoch'), [('energy', 0), ('gradient_probe', 2)])
def test_at_infinity_all_but_the_first_and_the_last(kind, epoch, small):
    """As soon as there is something to compare with."""
    rewired = replace(KINDS[kind], threshold=math.inf).rewire(factory, small, seed=1)
    found = [(skip.layer, skip.epoch) for skip in rewired.skips]
    assert found == [(layer, epoch) for layer in (1, 2, 3, 4)]
    assert rewired.model.skips.tolist() == [False, True, True, True, True, False]


@pytest.mark.parametrize('method', [ONLINE, GRADIENT], ids=['energy', 'gradient'])
def test_online_the_set_of_skips_only_grows(method, small):
    sets, asked = [], []

    def look(step):
        sets.append(step.model.net.skips.clone())
        asked.append(step.model.triggered.clone())

    method.rewire(factory, small, watch=Watch((look,)))
    sets, asked = torch.stack(sets), torch.stack(asked)
    assert not sets[:, [0, 5]].any() and sets[-1].any() and not sets[0].any()
    assert (sets[1:] | ~sets[:-1]).all()
    assert torch.equal(sets[1:], asked[:-1] >= 0)  # from the next epoch on
    assert all(0 <= t <= e for e, row in enumerate(asked) for t in row[row >= 0])


def test_online_at_infinity_all_after_the_second_epoch(small):
    sets = []

    def look(step):
        sets.append(step.model.net.skips.tolist())

    method = replace(ONLINE, threshold=math.inf)
    method.rewire(factory, small, watch=Watch((look,)))
    assert sets[0] == [False] * 6
    assert sets[1] == sets[-1] == [False, True, True, True, True, False]


@pytest.mark.parametrize('num_layers', [1, 2])
@pytest.mark.parametrize('method', KINDS.values(), ids=KINDS)
def test_two_layers_have_none(method, num_layers, small):
    method = replace(method, threshold=math.inf)
    assert method.rewire(lambda: factory(num_layers), small).skips == ()


def by_hand(net, task, seed, epochs):
    """Energies of a training that knows nothing of ours, dropout on, in torch."""
    data = task.graph
    index, weight = get_laplacian(data.edge_index, None, 'sym', num_nodes=120)
    laplacian = to_dense_adj(index, None, weight, 120)[0].double()
    torch.manual_seed(seed)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=5e-4)
    energies = []
    for _ in range(epochs):
        optimizer.zero_grad()
        out, layers = net.train().forward_with_layers(data.x, data.edge_index)
        zs = [z.detach().double() for z in layers]
        energies.append([float(torch.trace(z.t() @ laplacian @ z)) for z in zs])
        task.train_loss(out).backward()
        optimizer.step()
    return energies


def test_the_probe_as_published(small):
    """Reference of epoch 0, dropout on, permanent; the final net of seed + 2."""
    task = Task.from_data(small)
    method = replace(PLAIN, threshold=0.97, probe_epochs=10)
    rewired = method.rewire(factory, task, seed=7)
    energies = by_hand(initial_model(factory, 7), task, 7, 10)
    expected = []
    for epoch, row in enumerate(energies):
        for layer in range(1, 5):
            if layer not in expected and row[layer] < 0.97 * energies[0][layer]:
                expected.append(layer)
                skip = rewired.skips[len(expected) - 1]
                assert (skip.layer, skip.epoch) == (layer, epoch)
                assert skip.value == pytest.approx(row[layer], rel=1e-5)
                assert skip.reference == pytest.approx(energies[0][layer], rel=1e-5)
    assert layers_of(rewired) == expected != []
    flow = rewired.flow
    assert flow.epochs.tolist() == flow.probed.tolist() == list(range(10))
    torch.testing.assert_close(
        flow.energy, torch.tensor(energies).double(), rtol=1e-5, atol=1e-12
    )
    assert flow.layers == tuple(f'convs.{i}' for i in range(6))
    assert (flow.gradient > 0).all() and flow.rank.isnan().all()
    final = initial_model(factory, 9)
    final.set_skips(expected)
    course = fit(final, task, SHORT, seed=9)
    assert course.loss == rewired.course.loss and same(final, rewired.model)


@pytest.mark.parametrize('method', [ONLINE, GRADIENT], ids=['energy', 'gradient'])
def test_online_the_optimiser_goes_on(method, small):
    """Against one written by hand that never lets go of its Adam."""
    task, triggered = Task.from_data(small), []

    def look(step):
        triggered.append(step.model.triggered.tolist())

    rewired = method.rewire(factory, task, seed=2, watch=Watch((look,)))
    assert any(0 <= t < 10 for t in triggered[-1])
    net, losses = initial_model(factory, 2), []
    torch.manual_seed(2)
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-3, weight_decay=5e-4)
    for epoch in range(12):
        net.set_skips([i for i, t in enumerate(triggered[-1]) if 0 <= t < epoch])
        optimizer.zero_grad()
        loss = task.train_loss(task.predict(net.train()))
        loss.backward()
        optimizer.step()
        losses.append(float(loss.detach()))
    assert losses == rewired.course.loss


def test_online_the_chosen_epoch_has_its_own_skips(small):
    sets = []

    def look(step):
        sets.append(step.model.net.skips.clone())

    task = Task.from_data(small)
    rewired = ONLINE.rewire(factory, task, watch=Watch((look,)))
    best = rewired.course.best_epoch
    assert torch.equal(rewired.model.skips, sets[best])
    assert set(layers_of(rewired)) == set(sets[best].nonzero().flatten().tolist())
    assert task.evaluate(rewired.model).val == rewired.course.best_val
    assert rewired.flow.epochs.tolist() == list(range(best + 1))


@pytest.mark.parametrize('online', [False, True])
def test_gradients_are_smoothed_and_compared_with_the_first(online, small):
    rows = []

    def look(step):
        if step.stage == ('rewired' if online else 'rewiring_probe'):
            rows.append(step.model.gradient[step.epoch].tolist())
            found.append(step.model.triggered.tolist())

    found = []
    method = replace(GRADIENT, online=online, threshold=0.9, probe_epochs=12)
    rewired = method.rewire(factory, small, seed=3, watch=Watch((look,)))
    expected = [-1] * 6
    for layer in range(1, 5):
        start = sum(row[layer] for row in rows[:3]) / 3
        running = start
        for epoch in range(3, 12):
            running = 0.5 * running + 0.5 * rows[epoch][layer]
            if running < 0.9 * start and expected[layer] < 0:
                expected[layer] = epoch
                for skip in rewired.skips:
                    if skip.layer == layer:
                        assert skip.epoch == epoch
                        assert skip.value == pytest.approx(running)
                        assert skip.reference == pytest.approx(start)
    assert found[-1] == expected and max(expected) > 2
    assert online or layers_of(rewired) == sorted(
        (i for i, t in enumerate(expected) if t >= 0), key=lambda i: (expected[i], i)
    )
    assert rewired.flow.energy.isnan().all()


@pytest.mark.parametrize('stage', ['rewiring_probe', 'rewired'])
@pytest.mark.parametrize('method', KINDS.values(), ids=KINDS)
def test_stopped_it_goes_on_bit_for_bit(method, stage, small, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.stage == stage and step.epoch == 6:
            raise Stop

    if stage == 'rewiring_probe' and method.online:
        pytest.skip('there is no probe')
    method = replace(method, threshold=0.97)
    with pytest.raises(Stop):
        method.rewire(factory, small, watch=Watch((stop,), tmp_path, every=0.0))
    resumed = method.rewire(factory, small, watch=Watch((), tmp_path))
    whole = method.rewire(factory, small)
    assert resumed.skips == whole.skips and same(resumed.model, whole.model)
    assert resumed.course.loss == whole.course.loss
    assert str(resumed.flow.to_dict()) == str(whole.flow.to_dict())
    again = method.rewire(factory, small, watch=Watch((), tmp_path))  # all is done
    assert again.skips == whole.skips and same(again.model, whole.model)


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from graphsparse.data import csbm
from graphsparse.training import Watch
from tests.rewiring.test_dynamic import ONLINE, factory

def kill(step):
    if step.epoch == 6:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
data = csbm(120, num_classes=3, degree=6.0, train_per_class=10, seed=1)
ONLINE.rewire(factory, data, watch=Watch((kill,), Path(sys.argv[1]), every=0.0))
"""


def test_killed_it_goes_on_bit_for_bit(small, tmp_path):
    done = subprocess.run([sys.executable, '-c', KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    resumed = ONLINE.rewire(factory, small, watch=Watch((), tmp_path))
    whole = ONLINE.rewire(factory, small)
    assert resumed.skips == whole.skips and same(resumed.model, whole.model)


@pytest.mark.parametrize('method', KINDS.values(), ids=KINDS)
def test_same_seed_same_bits_and_other_test_labels_too(method, small):
    other = small.clone()
    other.y[small.test_mask] = (other.y[small.test_mask] + 1) % 3
    method = replace(method, threshold=0.97)
    a, b, c = (
        method.rewire(factory, d, seed=s)
        for d, s in ((small, 1), (other, 1), (small, 2))
    )
    assert a.skips == b.skips and same(a.model, b.model) and not same(a.model, c.model)


@pytest.mark.parametrize('method', [PLAIN, ONLINE], ids=['probe', 'online'])
def test_permuted_validation_labels_change_only_the_epoch_chosen(method, small):
    other = small.clone()
    other.y[small.val_mask] = other.y[small.val_mask].roll(1)
    a, b = (replace(method, threshold=0.97).rewire(factory, d) for d in (small, other))
    assert a.course.loss == b.course.loss and a.course.val != b.course.val
    assert method.online or a.skips == b.skips


def test_the_model_given_stays_as_it_is_and_its_weights_are_the_start(small):
    torch.manual_seed(0)
    model = factory()
    model.set_skips([2])
    before = {n: t.clone() for n, t in model.state_dict().items()}
    method = replace(PLAIN, threshold=0.0, target='previous', alpha=0.5)
    rewired = method.rewire(model, small)
    assert all(torch.equal(t, before[n]) for n, t in model.state_dict().items())
    assert (model.target, model.alpha) == ('initial', 1.0)
    assert (rewired.model.target, rewired.model.alpha) == ('previous', 0.5)
    for kind in (PLAIN, ONLINE):  # only those that it finds itself
        rewired = replace(kind, threshold=0.0).rewire(model, small)
        assert rewired.skips == () and not rewired.model.skips.any()


@pytest.mark.parametrize(('method', 'seed'), [(PLAIN, 6), (ONLINE, 4)])
def test_weights_are_drawn_for_the_graph(small, method, seed):
    still = replace(SHORT, lr=0.0, epochs=1)
    method = replace(method, init='code', training=still)
    rewired = method.rewire(factory, small, seed=4)
    expected = initialise(initial_model(factory, seed), small, 'code', seed)
    found = dict(rewired.model.named_parameters())
    assert all(torch.equal(p, found[n]) for n, p in expected.named_parameters())
    with pytest.raises(InputError, match="'cod'"):
        replace(method, init='cod')


def test_stages_and_epochs(small):
    stages = []
    watch = Watch((lambda step: stages.append((step.stage, step.epochs)),))
    impatient = replace(SHORT, patience=1)
    replace(PLAIN, training=impatient).rewire(factory, small, watch=watch)
    assert stages[:8] == [('rewiring_probe', 8)] * 8  # all of them, whatever the score
    assert {stage for stage, _ in stages[8:]} == {'rewired'}


def test_summary_and_config_are_json(small):
    rewired = replace(PLAIN, threshold=math.inf).rewire(factory, small)
    facts = json.loads(json.dumps(rewired.summary()))
    assert [skip['layer'] for skip in facts['skips']] == [1, 2, 3, 4]
    assert facts['val'] == rewired.course.best_val and facts['epochs'] == 12
    config = json.loads(json.dumps(DynamicRewiring().config()))
    assert config['threshold'] == 0.4 and config['training']['epochs'] == 3500


def test_baselines_have_no_skip_and_all_skips(small):
    for method in (PLAIN, GRADIENT):
        baselines = method.baselines()
        assert baselines['none'].rewire(factory, small).skips == ()
        rewired = baselines['all'].rewire(factory, small)
        assert layers_of(rewired) == [1, 2, 3, 4]
        assert baselines['all'].training == method.training


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'metric': 'rank'}, "'energy' or 'gradient' .*'rank'"),
        ({'threshold': -0.1}, r'threshold .* \(got -0\.1\)'),
        ({'threshold': math.nan}, r'threshold .* \(got nan\)'),
        ({'probe_epochs': 0}, r'probe_epochs .* \(got 0\)'),
        ({'warmup': 0}, r'warmup .* \(got 0\)'),
        ({'smoothing': 1.0}, r'smoothing .* \(got 1\.0\)'),
        ({'alpha': math.inf}, r'alpha .* \(got inf\)'),
        ({'target': 'last'}, "got 'last'"),
        ({'metric': 'gradient', 'probe_epochs': 5}, 'Of 5 epochs none is left'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        DynamicRewiring(**options)


def test_bad_input(small):
    with pytest.raises(InputError, match=r'Only a RewiredGCN .*\(got GCN\)'):
        PLAIN.rewire(GCN(16, 8, 3, 3), small)
    with pytest.raises(InputError, match='list'):
        PLAIN.rewire(factory, [small])


def test_a_ticket_of_it_holds_the_trained_net_and_where_it_began(small, tmp_path):
    for method in (ONLINE, replace(PLAIN, threshold=2.0)):
        rewired = method.rewire(factory, small, seed=2)
        rewired.ticket().save(tmp_path / 'net.safetensors')
        again = Ticket.load(tmp_path / 'net.safetensors')
        model, _ = again.apply(factory, small)
        assert same(model, rewired.model) and model.skips.any()
        began, _ = again.apply(factory, small, rewind=True)
        seed = 2 if method.online else 4
        assert same(began, method.prepare(factory, small, 2).model) != method.online
        assert torch.equal(
            began.convs[1].lin.weight, initial_model(factory, seed).convs[1].lin.weight
        )


def test_prepared_it_is_not_trained_yet(small):
    method = replace(PLAIN, threshold=2.0, init='code')
    start, rewired = method.prepare(factory, small, 1), method.rewire(factory, small, 1)
    assert start.skips == rewired.skips != () and start.course is None
    assert torch.equal(start.model.skips, rewired.model.skips)
    assert start.ticket().trained is None and 'val' not in start.summary()
    assert start.init.digest == rewired.init.digest
