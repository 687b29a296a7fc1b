import re

import pytest

from graphsparse.engine import InputError, resolve
from graphsparse.pruning import Schedule
from graphsparse.pruning.schedules.linear import LinearSchedule


def test_a_straight_line():
    schedule = LinearSchedule(0.9, initial=0.1)
    found = [schedule(t) for t in (0, 0.25, 0.5, 0.75, 1)]
    assert found == pytest.approx([0.1, 0.3, 0.5, 0.7, 0.9])
    assert LinearSchedule(0.5)(0.5) == 0.25


def test_held_at_either_end():
    schedule = LinearSchedule(0.9, initial=0.1)
    assert schedule(-3) == 0.1
    assert schedule(7) == pytest.approx(0.9)


def test_made_by_name():
    assert resolve(Schedule, 'linear', final=0.5) == LinearSchedule(0.5)


@pytest.mark.parametrize(
    ('final', 'initial', 'message'),
    [
        (1.0, 0.0, 'final is the fraction removed and has to be in [0, 1) (got 1.0)'),
        (-0.1, 0.0, 'got -0.1'),
        (0.5, 0.6, 'initial has to be in [0, final=0.5] (got 0.6)'),
        (0.5, -0.1, 'got -0.1'),
    ],
)
def test_levels_out_of_range_are_named(final, initial, message):
    with pytest.raises(InputError, match=re.escape(message)):
        LinearSchedule(final, initial)
