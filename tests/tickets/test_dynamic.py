import math

import pytest
import torch
from torch.nn import Linear
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.nn import MaskedNet
from graphsparse.tickets import SET, Rigl
from graphsparse.tickets.dynamic import drop_and_grow, forget
from graphsparse.training import Training, Watch

LONG = Training(epochs=20)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def masks_of(search, data, seed=0):
    """The masks after every epoch, all weights checked against them."""
    seen = []

    def look(step):
        keep = {n: mask.clone() for n, mask in step.model.keep.items()}
        for name, weight in step.model.raw().items():
            assert not weight[~keep[name]].any()
        seen.append(keep)

    ticket = search.search(factory, data, seed=seed, watch=Watch((look,)))
    return ticket, seen


@pytest.mark.parametrize('method', [Rigl, SET])
def test_every_matrix_has_as_many_weights_after_every_step(method, small):
    search = method(weight_sparsity=0.6, every=3, drop=0.5, training=LONG)
    ticket, seen = masks_of(search, small)
    counts = {n: int(mask.sum()) for n, mask in ticket.weight_mask.keep.items()}
    assert sum(counts.values()) == 152 - math.ceil(0.6 * 152)
    assert len(seen) == 20
    for keep in seen:
        assert {n: int(mask.sum()) for n, mask in keep.items()} == counts
    chosen = seen[ticket.facts['best_epoch']]
    for name, mask in ticket.weight_mask.keep.items():
        assert torch.equal(mask, chosen[name])


@pytest.mark.parametrize('method', [Rigl, SET])
def test_masks_move_when_it_is_time_and_not_after(method, small):
    search = method(weight_sparsity=0.6, every=4, drop=0.5, until=0.75, training=LONG)
    _, seen = masks_of(search, small)
    flat = [torch.cat([m.reshape(-1) for m in keep.values()]) for keep in seen]
    moved = [e for e in range(1, 20) if not torch.equal(flat[e], flat[e - 1])]
    assert moved == [3, 7, 11]  # epochs 4, 8 and 12; 16 is after 3/4 of them


def test_a_share_that_falls_as_a_cosine(small):
    """12 epochs of updates, every 4: shares .5 at first, then cos(pi t / 12)."""
    search = SET(weight_sparsity=0.5, every=4, drop=1.0, until=0.6, training=LONG)
    _, seen = masks_of(search, small)
    name = 'convs.0.lin.weight'
    for step in (4, 8):
        share = (1 + math.cos(math.pi * step / 12)) / 2
        count = int(seen[0][name].sum())
        stay = seen[step - 2][name] & seen[step - 1][name]
        # What was dropped may be drawn again, so at least the others stay.
        assert count - int(share * count) <= int(stay.sum()) < count


def test_never_moved_is_a_random_erk_mask(small):
    (_, first), (_, second) = (
        masks_of(SET(until=0.0, weight_sparsity=0.7, training=LONG), small, seed=seed)
        for seed in (0, 1)
    )
    for name, mask in first[0].items():
        assert all(torch.equal(mask, keep[name]) for keep in first)
    assert not all(torch.equal(first[0][n], second[0][n]) for n in first[0])
    counts = {n: int(m.sum()) for n, m in first[0].items()}
    # 45 weights in proportion to 16 + 8 and 8 + 3 dimensions: 30.86 and 14.14.
    assert counts == {'convs.0.lin.weight': 31, 'convs.1.lin.weight': 14}


def test_drops_the_smallest_and_grows_the_worthiest():
    weight = torch.tensor([[5.0, -1.0, 2.0], [0.0, 0.0, 0.0]])
    keep = torch.tensor([[True, True, True], [False, False, False]])
    growth = torch.tensor([[9.0, 1.0, 9.0], [3.0, 0.5, 2.0]])
    after = drop_and_grow(weight, keep, growth, 0.4)  # one of three goes
    assert after.int().tolist() == [[1, 0, 1], [1, 0, 0]]
    again = drop_and_grow(weight, keep, torch.zeros(2, 3) + keep, 0.4)
    assert torch.equal(again, keep)  # dropped and worthiest to grow: it stays
    dense = torch.ones(2, 3, dtype=torch.bool)
    assert torch.equal(drop_and_grow(weight, dense, growth, 0.9), dense)


def updated(search, step=4):
    """One update of a linear map under Adam, with what it was before."""
    torch.manual_seed(0)
    net = Linear(12, 6, bias=False)
    keep = torch.rand(6, 12) < 0.4
    masked = MaskedNet(net, {'weight': keep})
    masked.clear()
    optimizer = search.training.make_optimizer(masked)
    for _ in range(2):
        optimizer.zero_grad()
        (masked.train()(torch.randn(8, 12)) ** 3).sum().backward()
        optimizer.step()
        masked.clear()
    masked.step.fill_(step)
    before = net.weight.detach().clone(), dict(optimizer.state[net.weight])
    before[1]['exp_avg'] = before[1]['exp_avg'].clone()
    search.project(masked, optimizer, 0)
    return net.weight, keep, masked.keep['weight'], optimizer, before


@pytest.mark.parametrize('method', [Rigl, SET])
def test_the_new_start_at_0_with_moments_at_0_and_the_old_go_on(method):
    search = method(every=4, training=LONG)
    weight, keep, after, optimizer, (old, state) = updated(search)
    grown, stayed = after & ~keep, after & keep
    assert int(grown.sum()) > 0
    assert not weight[grown].any()
    assert torch.equal(weight[stayed], old[stayed])
    moments = optimizer.state[weight]
    assert state['exp_avg'][grown].all()  # the dense gradient had filled them
    for name in ('exp_avg', 'exp_avg_sq'):
        assert not moments[name][grown].any()
    assert torch.equal(moments['exp_avg'][stayed], state['exp_avg'][stayed])
    assert int(moments['step']) == 2


def test_rigl_grows_where_the_dense_gradient_is_largest():
    weight, keep, after, _, _ = updated(Rigl(every=4, training=LONG))
    gradient = weight.grad.abs()
    candidates = gradient[~after]  # neither kept nor grown: none is better
    assert gradient[after & ~keep].min() >= candidates.max()
    assert weight.grad[~keep].all()


def test_set_grows_anew_at_every_step_and_alike_for_a_seed():
    search = SET(every=4, training=LONG)
    first, again, later = (updated(search, step)[2] for step in (4, 4, 8))
    assert torch.equal(first, again) and not torch.equal(first, later)


def test_forget_reaches_any_optimiser():
    net = Linear(3, 1)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    forget(optimizer, net.weight, torch.zeros(1, 3, dtype=torch.bool))  # no state yet
    net(torch.ones(1, 3)).sum().backward()
    optimizer.step()
    forget(optimizer, net.weight, torch.tensor([[True, False, True]]))
    assert optimizer.state[net.weight]['momentum_buffer'].tolist() == [[1, 0, 1]]


def test_interrupted_after_an_update_it_goes_on_bit_for_bit(small, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 9:
            raise Stop

    search = Rigl(weight_sparsity=0.6, every=2, training=LONG)
    with pytest.raises(Stop):
        search.search(factory, small, watch=Watch((stop,), tmp_path, every=0.0))
    resumed = search.search(factory, small, watch=Watch((), tmp_path))
    whole = search.search(factory, small)
    for name, tensor in whole.trained.items():
        assert torch.equal(tensor, resumed.trained[name])
    for name, mask in whole.weight_mask.keep.items():
        assert torch.equal(mask, resumed.weight_mask.keep[name])


def test_baselines():
    search = Rigl(weight_sparsity=0.7, every=3, graph_sparsity=0.1, training=LONG)
    baselines = search.baselines()
    assert set(baselines) == {'set', 'static'}
    options = {**search.config()}
    assert baselines['set'].config() == options and baselines['set'].name == 'set'
    assert baselines['static'].config() == options | {'until': 0.0}
    assert set(SET().baselines()) == {'static'}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weight_sparsity': 1.0}, r'weight_sparsity .* \(got 1\.0\)'),
        ({'drop': 1.5}, r'drop .* \(got 1\.5\)'),
        ({'every': 0}, r'every .* \(got 0\)'),
        ({'until': -0.5}, r'until .* \(got -0\.5\)'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Rigl(**options)
