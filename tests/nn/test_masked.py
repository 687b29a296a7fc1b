import torch
from torch.nn import Linear

from graphsparse.nn import MaskedNet


def make():
    torch.manual_seed(0)
    net = Linear(3, 2)
    keep = torch.tensor([[True, False, True], [False, False, True]])
    return net, keep, MaskedNet(net, {'weight': keep})


def test_raw_in_training_masked_in_evaluation():
    net, keep, masked = make()
    x = torch.randn(4, 3)
    assert torch.equal(masked.train()(x), net(x))
    expected = x @ (net.weight * keep).t() + net.bias
    assert torch.allclose(masked.eval()(x), expected)
    assert net.weight.count_nonzero() == 6  # the parameters stay as they are
    masked.clear()
    assert torch.equal(net.weight != 0, keep)


def test_gradients_in_training_are_those_of_all_weights():
    net, _, masked = make()
    masked.clear()
    masked.train()(torch.ones(1, 3)).sum().backward()
    assert net.weight.grad.count_nonzero() == 6


def test_masks_and_steps_are_state():
    _, keep, masked = make()
    masked.step += 5
    masked.set_keep({'weight': ~keep})
    state = {n: t.clone() for n, t in masked.state_dict().items()}
    assert set(state) == {'net.weight', 'net.bias', 'step', 'masks.weight'}
    _, _, other = make()
    other.load_state_dict(state)
    assert torch.equal(other.keep['weight'], ~keep) and int(other.step) == 5


def test_the_masks_given_are_not_changed():
    _, keep, masked = make()
    masked.set_keep({'weight': torch.ones(2, 3, dtype=torch.bool)})
    assert int(keep.sum()) == 3
