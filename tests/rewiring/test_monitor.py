import math

import pytest
import torch

from graphsparse.graph import to_adjacency
from graphsparse.nn import RewiredGCN
from graphsparse.rewiring import monitor as module
from graphsparse.rewiring.monitor import Monitor, Trigger
from tests.helpers import FIVE, both_ways

EDGES = both_ways(FIVE)
X = torch.eye(5)


def watched(trigger, epochs=6, online=False):
    net = RewiredGCN(5, 2, 4, num_layers=5)
    return Monitor(net, to_adjacency(EDGES, 5), trigger, epochs, online)


def run_energies(monkeypatch, energies, threshold, online=False):
    """Triggers after each epoch in which layers 0 to 4 had these energies."""
    monitor = watched(Trigger('energy', threshold, 5, 0.9), len(energies), online)
    flat = iter([torch.tensor(e, dtype=torch.float64) for row in energies for e in row])
    monkeypatch.setattr(module, 'dirichlet_energy', lambda z, adj: next(flat))
    triggered = []
    for _ in energies:
        monitor.train()(X, EDGES)
        monitor.after_step()
        triggered.append(monitor.triggered.tolist())
    return monitor, triggered


def test_strictly_below_the_share_of_the_first_epoch(monkeypatch):
    energies = [
        [8.0, 8.0, 4.0, 2.0, 8.0],
        [0.0, 4.0, 1.9, 4.0, 0.0],
        [0.0, 3.9, 4.0, 1.1, 0.0],
        [9.0, 1.0, 9.0, 0.9, 9.0],
    ]
    monitor, triggered = run_energies(monkeypatch, energies, 0.5)
    never = [-1] * 5
    assert triggered[0] == never
    assert triggered[1] == [-1, -1, 1, -1, -1]  # not the first, not the last
    assert triggered[2] == [-1, 2, 1, -1, -1]
    assert triggered[3] == [-1, 2, 1, 3, -1]  # for good
    assert [monitor.value(i) for i in (1, 2, 3)] == [(3.9, 8), (1.9, 4), (0.9, 2)]
    assert not monitor.net.skips.any()  # a probe never changes
    assert monitor.flow().energy.tolist() == energies


def test_at_1_nothing_triggers_in_the_first_epoch(monkeypatch):
    _, triggered = run_energies(monkeypatch, [[1.0] * 5] * 2 + [[0.9] * 5], 1.0)
    assert triggered[1] == [-1] * 5 and triggered[2] == [-1, 2, 2, 2, -1]


@pytest.mark.parametrize('energy', [0.0, 1.0, math.inf])
def test_at_infinity_whatever_the_energy_and_at_0_never(monkeypatch, energy):
    rows = [[energy] * 5] * 2
    _, triggered = run_energies(monkeypatch, rows, math.inf)
    assert triggered[0] == triggered[1] == [-1, 0, 0, 0, -1]
    _, triggered = run_energies(monkeypatch, rows, 0.0)
    assert triggered[1] == [-1] * 5


def test_what_is_no_number_triggers_nothing(monkeypatch):
    _, triggered = run_energies(monkeypatch, [[1.0] * 5, [math.nan] * 5], 0.5)
    assert triggered[1] == [-1] * 5


def test_online_the_next_training_pass_has_the_skip(monkeypatch):
    rows = [[1.0] * 5, [1.0, 0.1, 1.0, 1.0, 1.0]]
    monitor, triggered = run_energies(monkeypatch, rows, 0.5, online=True)
    assert triggered[1][1] == 1 and not monitor.net.skips.any()
    monitor.eval()(X, EDGES)
    assert not monitor.net.skips.any()  # judged as it was trained
    monkeypatch.setattr(
        module, 'dirichlet_energy', lambda z, adj: z.new_ones(()).double()
    )
    monitor.epoch.fill_(1)  # there is no third row
    monitor.train()(X, EDGES)
    assert monitor.net.skips.tolist() == [False, True, False, False, False]


def test_running_mean_of_gradients():
    """Reference (4 + 2) / 2 = 3; then means of 3 and each norm, a quarter of it new."""
    monitor = watched(Trigger('gradient', 0.6, 2, 0.75), epochs=5)
    running = []
    for norm in (4.0, 2.0, 1.0, 0.0, 0.0):
        for layer, conv in enumerate(monitor.net.convs):
            weight = conv.lin.weight
            weight.grad = torch.zeros_like(weight)
            weight.grad[0, 0] = 3.0 if layer == 2 else norm
        monitor.after_step()
        running.append(monitor.running[1].item())
    assert math.isnan(running[0])
    assert running[1:] == [3.0, 2.5, 1.875, 1.40625]
    assert monitor.triggered.tolist() == [-1, 4, -1, 4, -1]  # 1.875 is above 1.8
    assert monitor.value(1) == (1.40625, 3.0)
    assert monitor.flow().gradient[:, 1].tolist() == [4, 2, 1, 0, 0]


def test_it_draws_nothing_and_carries_its_state():
    """A copy that reads the state knows all; the net's own bits are the same."""
    trigger = Trigger('energy', 0.9, 5, 0.9)
    torch.manual_seed(0)
    monitor = watched(trigger)
    torch.manual_seed(1)
    ours = monitor.train()(X, EDGES)
    torch.manual_seed(1)
    assert torch.equal(ours, monitor.net(X, EDGES))
    monitor.after_step()
    other = watched(trigger)
    other.load_state_dict(monitor.state_dict())
    assert int(other.epoch) == 1
    assert (
        torch.equal(other.energy[0], monitor.energy[0]) and (other.energy[0] > 0).all()
    )
    assert monitor.energy[1:].isnan().all() and not monitor.energy.requires_grad
