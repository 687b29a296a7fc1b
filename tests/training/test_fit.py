import dataclasses
import signal
import subprocess
import sys

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.training import NodeTask, Task, Training, Watch, fit
from graphsparse.training.node import Part


def make_model():
    torch.manual_seed(0)
    return GCN(16, 8, 2, 3, dropout=0.5)


def test_learns_and_restores_the_best_epoch(small):
    task = Task.from_data(small)
    model = make_model()
    seen = []
    course = fit(
        model, task, Training(epochs=30), watch=Watch((lambda s: seen.append(s.val),))
    )
    assert course.val == seen and len(course.loss) == len(course.seconds) == 30
    assert course.loss[-1] < 0.7 * course.loss[0]
    assert course.best_val == max(course.val)
    assert course.best_epoch == 29 - course.val[::-1].index(max(course.val))  # the last
    assert task.val_score(task.infer(model)) == course.best_val
    assert not model.training


def test_ties_go_to_the_first_if_asked(small):
    task = Task.from_data(small)
    course = fit(make_model(), task, Training(epochs=30, ties='first'))
    assert course.best_epoch == course.val.index(max(course.val))


def test_the_last_epoch_if_asked_whatever_its_score(small, tmp_path):
    task, states = Task.from_data(small), []

    def look(step):
        states.append({n: t.clone() for n, t in step.model.state_dict().items()})

    model, training = make_model(), Training(epochs=3, lr=1.0, patience=1)
    watch = Watch((look,), tmp_path)
    course = fit(model, task, training, watch=watch, choose='last')
    assert course.best_epoch == 2 and len(states) == 3
    assert course.val[-1] < max(course.val)  # or this would show nothing
    again = make_model()  # a finished one is restored
    fit(again, task, training, watch=Watch((), tmp_path), choose='last')
    for name, weight in states[-1].items():
        assert torch.equal(model.state_dict()[name], weight)
        assert torch.equal(again.state_dict()[name], weight)


def test_same_seed_same_bits_and_the_global_state_is_put_back(small):
    task, models = Task.from_data(small), [make_model() for _ in range(3)]
    torch.manual_seed(123)
    before = torch.get_rng_state()
    courses = [
        fit(model, task, Training(epochs=5), seed=seed)
        for model, seed in zip(models, (7, 7, 8), strict=True)
    ]
    assert torch.equal(torch.get_rng_state(), before)
    assert courses[0].loss == courses[1].loss != courses[2].loss
    states = [m.state_dict() for m in models]
    assert all(torch.equal(states[0][n], states[1][n]) for n in states[0])


def test_patience_stops_early(small):
    task = Task.from_data(small)
    course = fit(make_model(), task, Training(epochs=500, patience=5, ties='first'))
    assert len(course.val) == course.best_epoch + 6 < 500


def test_projection_and_loss_terms_act_every_step(small):
    task, model = Task.from_data(small), make_model()
    steps = []

    def project(net):
        steps.append(1)
        with torch.no_grad():
            net.convs[0].lin.weight.zero_()

    def term(net, out):
        return 0 * out.sum() + 5.0

    course = fit(
        model, task, Training(epochs=4), project=project, loss_terms=(term, term)
    )
    assert len(steps) == 4
    assert not model.convs[0].lin.weight.any()
    assert course.loss[0] > 10


def test_any_optimiser(small):
    task = Task.from_data(small)
    fit(make_model(), task, Training(epochs=3, optimizer='RMSprop'))
    frozen = make_model()
    before = frozen.convs[0].lin.weight.detach().clone()
    fit(
        frozen,
        task,
        Training(epochs=3),
        optimizer=lambda net: torch.optim.SGD(net.convs[1].parameters(), lr=0.1),
    )
    assert torch.equal(frozen.convs[0].lin.weight, before)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'epochs': 0}, r'epochs has to be at least 1 \(got 0\)'),
        ({'lr': -1.0}, r'lr .*-1\.0'),
        ({'lr': float('nan')}, 'lr .*nan'),
        ({'optimizer': 'Adamm'}, "no optimiser 'Adamm'"),
        ({'optimizer': 'lr_scheduler'}, 'no optimiser'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Training(**options)


def test_other_test_labels_same_bits(small):
    other = small.clone()
    other.y[small.test_mask] = (other.y[small.test_mask] + 1) % 3
    models = [make_model(), make_model()]
    for model, data in zip(models, (small, other), strict=True):
        fit(model, Task.from_data(data), Training(epochs=10))
    for a, b in zip(*(m.parameters() for m in models), strict=True):
        assert torch.equal(a, b)


def test_other_validation_labels_change_only_the_epoch_chosen(small):
    other = small.clone()
    shuffled = other.y[small.val_mask].flip(0)
    other.y[small.val_mask] = shuffled
    courses = [fit(make_model(), Task.from_data(d)) for d in (small, other)]
    assert courses[0].loss == courses[1].loss
    assert courses[0].val != courses[1].val


@pytest.mark.parametrize('optimizer', ['Adam', 'SGD', 'RMSprop'])
def test_a_stopped_training_goes_on_bit_for_bit(small, tmp_path, optimizer):
    task, options = Task.from_data(small), Training(epochs=20, optimizer=optimizer)
    whole = make_model()
    course = fit(whole, task, options, seed=3)

    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 11:
            raise Stop

    cut = make_model()
    with pytest.raises(Stop):
        fit(cut, task, options, seed=3, watch=Watch((stop,), tmp_path, every=0.0))
    again = make_model()
    resumed = fit(again, task, options, seed=3, watch=Watch((), tmp_path))
    assert resumed.loss == course.loss and resumed.val == course.val
    assert resumed.best_epoch == course.best_epoch
    for a, b in zip(whole.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)
    assert sorted(p.name for p in tmp_path.iterdir()) == ['fit.safetensors']


KILLED = """
import os, signal, sys, torch
from pathlib import Path
from torch_geometric.nn import GCN
from graphsparse.data import csbm
from graphsparse.training import NodeTask, Task, Training, Watch, fit
from graphsparse.training.node import Part

def kill(step):
    if step.epoch == 6:
        os.kill(os.getpid(), signal.SIGKILL)

torch.set_num_threads(1)
torch.manual_seed(0)
data = csbm(120, num_classes=3, degree=6.0, train_per_class=10, seed=1)
watch = Watch((kill,), Path(sys.argv[1]), every=0.0)
model = GCN(16, 8, 2, 3, dropout=0.5)
fit(model, Task.from_data(data), Training(epochs=12), watch=watch)
"""


def test_a_killed_training_goes_on_bit_for_bit(small, tmp_path):
    torch.set_num_threads(1)
    done = subprocess.run([sys.executable, '-c', KILLED, str(tmp_path)], check=False)
    assert done.returncode == -signal.SIGKILL
    task, options = Task.from_data(small), Training(epochs=12)
    resumed = fit(make_model(), task, options, watch=Watch((), tmp_path))
    assert resumed.loss == fit(make_model(), task, options).loss


class Halves(NodeTask):
    """Two steps an epoch, on one half of the training nodes each."""

    def steps(self, epoch, seed, graph=None):
        halves = zip(self.train.index.chunk(2), self.train.y.chunk(2), strict=True)
        for index, y in halves:
            yield dataclasses.replace(self, train=Part(index, y)), graph


def test_an_epoch_may_take_several_steps(small):
    whole = NodeTask.from_data(small)
    parts = {f.name: getattr(whole, f.name) for f in dataclasses.fields(whole)}
    task, calls = Halves(**parts), []
    net = torch.nn.Linear(16, 3)

    class Ignoring(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = net

        def forward(self, x, edge_index):
            return self.net(x)

    model = Ignoring()
    expected = torch.nn.Linear(16, 3)
    expected.load_state_dict(net.state_dict())
    training = Training(epochs=1, optimizer='SGD', lr=0.1, weight_decay=0.0)
    course = fit(model, task, training, project=lambda _: calls.append(1))
    losses = []
    for step, _ in task.steps(0, 0):
        loss = step.train_loss(expected(small.x))
        grads = torch.autograd.grad(loss, list(expected.parameters()))
        losses.append(float(loss))
        with torch.no_grad():
            for parameter, grad in zip(expected.parameters(), grads, strict=True):
                parameter -= 0.1 * grad
    assert torch.allclose(net.weight, expected.weight, atol=1e-6)
    assert course.loss == [pytest.approx(sum(losses) / 2, abs=1e-6)]
    assert len(calls) == 2


def test_a_score_that_is_nan_is_no_best_epoch(small):
    task = NodeTask.from_data(small)
    scores = iter([float('nan'), 0.3, float('nan')])

    class Odd(NodeTask):
        def validate(self, model, graph=None):
            return next(scores)

    parts = {f.name: getattr(task, f.name) for f in dataclasses.fields(task)}
    assert fit(GCN(16, 8, 2, 3), Odd(**parts), Training(epochs=3)).best_epoch == 1
