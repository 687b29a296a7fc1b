import pytest
import torch
import torch.nn.functional as F
from torch_geometric.nn import CorrectAndSmooth as Oracle
from torch_geometric.utils import degree

from graphsparse.engine import InputError
from graphsparse.graph import Propagation
from graphsparse.scaling import CorrectAndSmooth, Decoupled
from graphsparse.scaling.base import one_hot_labels
from graphsparse.training import NodeTask, Training

BASE = Decoupled('mlp', 0, hidden_channels=8, training=Training(epochs=5))


def test_it_is_pygs_on_our_operator(small):
    """The smoothing's own alpha is used, not that of the correction."""
    found = CorrectAndSmooth(BASE).run(small).logits.exp()
    source, target = small.edge_index
    inverse = 1 / degree(target, 120).clamp_min(1)
    oracle = Oracle(50, 0.979163, 50, 0.756499)
    soft, mask = BASE.run(small).logits.softmax(-1), small.train_mask
    args = (small.y[mask], mask, small.edge_index)
    soft = oracle.correct(soft, *args, inverse[target])  # D^-1 A
    soft = oracle.smooth(soft, *args, inverse[source])  # A D^-1
    torch.testing.assert_close(found, soft, rtol=1e-4, atol=1e-6)


def test_without_steps_it_puts_training_labels_in(small):
    branch = CorrectAndSmooth(BASE, correct_steps=0, smooth_steps=0)
    found = branch.run(small)
    mask = small.train_mask
    assert torch.equal(found.logits.argmax(1)[mask], small.y[mask])
    base = BASE.run(small)
    torch.testing.assert_close(
        found.logits[~mask], base.logits.log_softmax(-1)[~mask], rtol=1e-4, atol=1e-5
    )
    assert found.courses['mlp'].loss == base.courses['mlp'].loss


def test_a_base_without_errors_stays_as_it_is(small):
    task, branch = NodeTask.from_data(small), CorrectAndSmooth(BASE)
    labels = one_hot_labels(task, 'It')
    soft = F.one_hot(small.y, 3).float()
    step = Propagation.of(small, 'row')
    assert torch.equal(branch.correct(soft, labels, task.train.index, step), soft)


def test_it_lifts_a_base_that_sees_no_graph(small):
    task = NodeTask.from_data(small)
    base = Decoupled('mlp', 0, hidden_channels=8, training=Training(epochs=20))
    after = CorrectAndSmooth(base).run(task)
    before = base.run(task)
    assert task.val_score(after.logits) > task.val_score(before.logits)
    assert task.test_score(after.logits) > task.test_score(before.logits)


def test_any_base_will_do(small):
    inner = CorrectAndSmooth(BASE, smooth_steps=2)
    assert CorrectAndSmooth(inner).run(small).logits.shape == (120, 3)


def test_bad_options():
    with pytest.raises(InputError, match=r'smooth_alpha is 1\.5'):
        CorrectAndSmooth(smooth_alpha=1.5)
    with pytest.raises(InputError, match='correct_steps is -1'):
        CorrectAndSmooth(correct_steps=-1)
