import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.loading import HopStore
from graphsparse.nn.hops import SGC
from graphsparse.scaling import Decoupled
from graphsparse.training import HopTask, NodeTask, Training, Watch, fit

BRIEF = Training(epochs=15, weight_decay=0.0)


@pytest.mark.parametrize(
    ('net', 'args'),
    [
        ('mlp', {}),
        ('sgc', {}),
        ('sign', {}),
        ('sagn', {'heads': 2}),
        ('gamlp', {}),
        ('gamlp', {'attention': 'recursive'}),
    ],
)
def test_every_net_learns(net, args, small):
    branch = Decoupled(net, 2, hidden_channels=16, net_args=args, training=BRIEF)
    found = branch.run(small)
    course = found.courses[net]
    assert course.loss[-1] < 0.9 * course.loss[0]
    assert NodeTask.from_data(small).val_score(found.logits) == course.best_val > 0.4
    assert not found.model.training
    assert found.facts['hop_seconds'] > 0


def test_it_is_a_fit_of_the_net_on_the_hops(small):
    branch = Decoupled('sgc', 2, 'row', True, batch_size=16, training=BRIEF)
    found = branch.run(small, seed=4)
    torch.manual_seed(4)
    net = SGC(16, 3, 2)
    store = HopStore.build(small, small.x, 2, 'row', True)
    task = HopTask.of(NodeTask.from_data(small), store, batch_size=16)
    course = fit(net, task, BRIEF, seed=4)
    assert course.loss == found.courses['sgc'].loss
    assert torch.equal(task.infer(net), found.logits)


def test_in_a_folder_hops_are_kept_and_the_bits_are_the_same(small, tmp_path):
    branch = Decoupled('sign', 2, hidden_channels=8, training=Training(epochs=3))
    found = branch.run(small, watch=Watch((), tmp_path))
    assert torch.equal(found.logits, branch.run(small).logits)
    names = sorted(path.name for path in (tmp_path / 'hops').iterdir())
    assert [name[-6:] for name in names] == ['-1.npy', '-2.npy']


def test_bad_options():
    with pytest.raises(InputError, match=r"'sig'.*Did you mean 'sign'"):
        Decoupled('sig')
    with pytest.raises(InputError, match='heads'):
        Decoupled('sign', net_args={'heads': 3})
    with pytest.raises(InputError, match=r'num_hops .* -1'):
        Decoupled('sign', hops=-1)
    with pytest.raises(InputError, match='batch_size is 0'):
        Decoupled('sign', batch_size=0)
