import torch

from graphsparse.pruning import Probe, select_weights
from graphsparse.pruning.weights.snip import SnipScore
from tests.pruning.weights.nets import toy


def test_a_linear_net_by_hand():
    """L = mean (w x - y)^2 over two points: dL/dw = mean 2 (w x - y) x."""
    x = torch.tensor([[1.0, 2.0], [3.0, -1.0]])
    y = torch.tensor([0.0, 4.0])

    def loss(at, temperature):
        assert temperature == 1
        return ((x @ at['w'].t()).squeeze(1) - y).square().mean()

    # w = (2, -1): outputs 0 and 7, residuals 0 and 3; gradient (9, -3).
    weights = {'w': torch.tensor([[2.0, -1.0]])}
    score = SnipScore()(weights, Probe(loss, lambda at: None))
    assert score['w'].tolist() == [[18.0, 3.0]]


def test_to_first_order_the_change_of_the_loss():
    weights, probe = toy()
    score = SnipScore()(weights, probe)
    step = 1e-6
    for name, weight in weights.items():
        for place in range(weight.numel()):
            moved = {n: w.clone() for n, w in weights.items()}
            moved[name].view(-1)[place] *= 1 - step
            change = (probe.loss(moved, 1.0) - probe.loss(weights, 1.0)) / step
            assert abs(abs(change) - score[name].view(-1)[place]) < 1e-5


def test_in_rounds_it_is_scored_on_what_is_left():
    weights, probe = toy()
    masks = {
        rounds: select_weights(weights, 0.8, SnipScore(rounds=rounds), probe=probe)
        for rounds in (1, 15)
    }
    assert masks[1].num_kept == masks[15].num_kept == 4
    assert any(
        not torch.equal(masks[1].keep[name], masks[15].keep[name]) for name in weights
    )
