import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.scaling import Decoupled, LabelReuse
from graphsparse.scaling import label_reuse as module
from graphsparse.scaling.base import one_hot_labels
from graphsparse.training import NodeTask, Training

BASE = Decoupled('sign', 2, hidden_channels=8, training=Training(epochs=8))


def spy(monkeypatch):
    seen, real = [], module.fit

    def watched(net, task, *args, **kwargs):
        course = real(net, task, *args, **kwargs)
        seen.append((task, task.infer(net)))
        return course

    monkeypatch.setattr(module, 'fit', watched)
    return seen


def test_labels_are_powers_of_the_operator(small):
    branch = LabelReuse(BASE, label_hops=3)
    task = NodeTask.from_data(small)
    labels = one_hot_labels(task, 'It')
    matrix = torch.zeros(120, 120)
    matrix[small.edge_index[1], small.edge_index[0]] = 1
    scale = matrix.sum(1).clamp_min(1).rsqrt()
    power = torch.linalg.matrix_power(scale[:, None] * matrix * scale, 3)
    torch.testing.assert_close(branch.propagate(task, labels), power @ labels)


def test_stages_see_what_the_one_before_was_sure_of(small, monkeypatch):
    seen = spy(monkeypatch)
    found = LabelReuse(BASE, stages=3, threshold=0.4).run(small)
    tasks, outs = zip(*seen, strict=True)
    mask = small.train_mask
    for task, out in zip(tasks[1:], outs, strict=False):
        sure = out.softmax(-1).max(1).values >= 0.4
        assert 10 < sure.sum() < 120
        assert torch.equal(task.train.index, (mask | sure).nonzero().view(-1))
    assert torch.equal(outs[2], found.logits)
    assert torch.equal(tasks[0].train.index, mask.nonzero().view(-1))
    assert found.facts['trained_on'] == [t.train.index.numel() for t in tasks]
    assert found.facts['trained_on'][1] > 30
    for task in tasks:
        own = mask[task.train.index]
        assert own.sum() == 30
        assert torch.equal(task.train.y[own], small.y[task.train.index[own]])
        assert torch.equal(task.extra, tasks[0].extra)  # of true labels alone
    # Added by the class predicted, not the true one.
    added = ~mask[tasks[1].train.index]
    true = small.y[tasks[1].train.index[added]]
    assert not torch.equal(tasks[1].train.y[added], true)


def test_thresholds(small, monkeypatch):
    seen = spy(monkeypatch)
    LabelReuse(BASE, stages=2, threshold=1.1).run(small)
    LabelReuse(BASE, stages=2, threshold=0.0).run(small)
    sizes = [task.train.index.numel() for task, _ in seen]
    assert sizes == [30, 30, 30, 120]


def test_bad_options():
    with pytest.raises(InputError, match='stages is 0'):
        LabelReuse(stages=0)
    with pytest.raises(InputError, match='label_hops is 0'):
        LabelReuse(label_hops=0)
    with pytest.raises(InputError, match=r'threshold is -0\.1'):
        LabelReuse(threshold=-0.1)
