import math
from itertools import pairwise

import pytest
import torch
from torch.nn import Linear
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.pruning.n_m import select_n_m
from graphsparse.tickets import NM
from graphsparse.tickets.n_m import FadingNet
from graphsparse.training import Training, Watch

LONG = Training(epochs=20)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


@pytest.mark.parametrize(
    'decay', ['linear', 'exponential', 'stepwise', 'none', 'random']
)
@pytest.mark.parametrize(('n', 'm'), [(2, 4), (1, 8), (3, 5)])
def test_the_ticket_is_exactly_n_of_m_with_the_rest_dense(decay, n, m, small):
    ticket = NM(n=n, m=m, decay=decay, training=LONG).search(factory, small)
    assert set(ticket.weight_mask.keep) == {'convs.0.lin.weight', 'convs.1.lin.weight'}
    for name, keep in ticket.weight_mask.keep.items():
        whole = keep.size(1) - keep.size(1) % m
        blocks = keep[:, :whole].reshape(-1, m)
        assert (blocks.sum(1) == n).all() and keep[:, whole:].all()
        assert not ticket.trained[name][~keep].any()


@pytest.mark.parametrize('decay', ['linear', 'exponential', 'none'])
def test_masks_are_of_the_largest_until_the_end_and_then_stay(decay, small):
    masks = []

    def look(step):
        keep = {n: mask.clone() for n, mask in step.model.keep.items()}
        if step.epoch < 10:
            for name, weight in step.model.raw().items():
                assert torch.equal(keep[name], select_n_m(weight.abs(), 2, 4))
        masks.append(torch.cat([mask.reshape(-1) for mask in keep.values()]))

    training = Training(epochs=20, lr=0.05)
    search = NM(decay=decay, end=0.5, training=training)
    search.search(factory, small, watch=Watch((look,)))
    moved = [e for e, (a, b) in enumerate(pairwise(masks), 1) if not torch.equal(a, b)]
    assert moved and max(moved) <= 9


def test_how_the_others_fade():
    linear, exponential = NM(), NM(decay='exponential')
    assert [linear.leak_at(p) for p in (0, 0.25, 1)] == [1, 0.75, 0]
    assert exponential.leak_at(0) == 1 and exponential.leak_at(1) == 0
    assert exponential.leak_at(0.4) == pytest.approx(math.exp(-2))
    assert NM(decay='none').leak_at(0) == 0


@pytest.mark.parametrize(
    ('n', 'm', 'stages'),
    [(1, 16, [15, 8, 4, 2, 1]), (2, 4, [3, 2]), (3, 8, [7, 4, 3]), (1, 2, [1])],
)
def test_steps_of_equal_length(n, m, stages):
    search = NM(n=n, m=m, decay='stepwise')
    times = 5 * len(stages)
    counts = [search.count_at(i / times) for i in range(times + 1)]
    assert counts[:-1] == [stage for stage in stages for _ in range(5)]
    assert counts[-1] == n


def fading(leak=0.0, count=0, straight=True):
    torch.manual_seed(0)
    net = Linear(5, 1, bias=False)
    net.weight.data = torch.tensor([[4.0, -3.0, 2.0, -1.0, 0.5]])
    keep = select_n_m(net.weight.detach().abs(), 2, 4)
    masked = FadingNet(net, {'weight': keep}, 4, straight).train()
    masked.leak.fill_(leak)
    masked.count.fill_(count)
    return net, masked


def test_runs_what_is_masked_at_a_fraction():
    _, masked = fading(leak=0.25)
    assert masked.weights()['weight'].tolist() == [[4, -3, 0.5, -0.25, 0.5]]
    assert masked.eval().weights()['weight'].tolist() == [[4, -3, 0, 0, 0.5]]
    _, stepwise = fading(count=3)
    assert stepwise.weights()['weight'].tolist() == [[4, -3, 2, 0, 0.5]]


@pytest.mark.parametrize(
    ('straight', 'expected'),
    [(True, [1, 1, 1, 1, 1]), (False, [1, 1, 0.25, 0.25, 1])],
)
def test_gradients(straight, expected):
    net, masked = fading(leak=0.25, straight=straight)
    masked(torch.ones(1, 5)).sum().backward()
    assert net.weight.grad.tolist() == [expected]


def test_a_random_mask_never_moves_and_follows_the_seed(small):
    search = NM(decay='random', training=LONG)
    masks = [search.search(factory, small, seed=s).weight_mask.keep for s in (0, 1)]
    short = NM(decay='random', training=Training(epochs=1)).search(factory, small)
    name = 'convs.0.lin.weight'
    assert torch.equal(masks[0][name], short.weight_mask.keep[name])
    assert not torch.equal(masks[0][name], masks[1][name])


def test_baselines():
    assert set(NM().baselines()) == {'none', 'random'}
    assert NM(n=1, m=8).baselines()['random'] == NM(n=1, m=8, decay='random')
    assert set(NM(decay='none').baselines()) == {'random'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'n': 0}, r'n .* m=4 \(got 0\)'),
        ({'n': 5}, r'n .* m=4 \(got 5\)'),
        ({'decay': 'lineer'}, "decay 'lineer'.*Did you mean 'linear'"),
        ({'gradient': 'strait'}, "gradient 'strait'"),
        ({'end': 2.0}, r'end .* \(got 2\.0\)'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        NM(**options)


def test_blocks_wider_than_any_matrix_are_refused(small):
    with pytest.raises(InputError, match='m=32 inputs; the widest has 16'):
        NM(n=2, m=32).search(factory, small)
