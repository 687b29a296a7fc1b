import pytest

from graphsparse.engine import resolve
from graphsparse.pruning import Schedule
from graphsparse.pruning.schedules.cubic import CubicSchedule
from graphsparse.pruning.schedules.linear import LinearSchedule


def test_fast_at_first_then_slower():
    schedule = CubicSchedule(0.8)
    found = [schedule(t) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx([0, 0.4625, 0.7, 0.7875, 0.8])
    assert CubicSchedule(0.9, initial=0.5)(0.5) == pytest.approx(0.85)


def test_power_one_is_linear():
    cubic, line = CubicSchedule(0.9, 0.1, power=1.0), LinearSchedule(0.9, 0.1)
    for t in (0, 0.3, 1, 2):
        assert cubic(t) == pytest.approx(line(t))


def test_held_at_either_end():
    schedule = CubicSchedule(0.8, initial=0.2)
    assert schedule(-1) == pytest.approx(0.2)
    assert schedule(2) == 0.8


def test_made_by_name():
    made = resolve(Schedule, 'cubic', final=0.5, power=2.0)
    assert made == CubicSchedule(0.5, power=2.0)
