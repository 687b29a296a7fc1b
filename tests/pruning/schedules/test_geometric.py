import pytest

from graphsparse.engine import resolve
from graphsparse.pruning import Schedule
from graphsparse.pruning.schedules.geometric import GeometricSchedule

# Per cent removed after rounds 1 to 20 that take a fixed share of what remains.
PRINTED = {
    0.05: '5.00 9.75 14.26 18.55 22.62 26.49 30.17 33.66 36.98 40.13 '
    '43.12 45.96 48.67 51.23 53.67 55.99 58.19 60.28 62.26 64.15',
    0.10: '10.00 19.00 27.10 34.39 40.95 46.86 52.17 56.95 61.26 65.13 '
    '68.62 71.76 74.58 77.12 79.41 81.47 83.32 84.99 86.49 87.84',
    0.20: '20.00 36.00 48.80 59.04 67.23 73.79 79.03 83.22 86.58 89.26 '
    '91.41 93.13 94.50 95.60 96.48 97.19 97.75 98.20 98.56 98.85',
}


@pytest.mark.parametrize('rate', PRINTED)
def test_printed_levels(rate):
    schedule = GeometricSchedule.at_rate(rate, rounds=20)
    found = [f'{100 * schedule(k / 20):.2f}' for k in range(1, 21)]
    assert found == PRINTED[rate].split()
    assert schedule(0) == 0
    assert schedule.final == pytest.approx(1 - (1 - rate) ** 20)


def test_what_is_kept_shrinks_by_one_factor_from_both_ends():
    schedule = GeometricSchedule(0.96, initial=0.36)
    kept = [1 - schedule(t) for t in (0, 0.5, 1)]
    assert kept == pytest.approx([0.64, 0.16, 0.04])
    assert schedule(-1) == pytest.approx(0.36)
    assert schedule(9) == pytest.approx(0.96)


def test_made_by_name():
    assert resolve(Schedule, 'geometric', final=0.5) == GeometricSchedule(0.5)
