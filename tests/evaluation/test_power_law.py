import math

import numpy as np
import pytest
import torch
from scipy import stats

from graphsparse.engine import InputError
from graphsparse.evaluation import fit_power_law


def zipf(exponent, size, seed=0):
    return torch.tensor(np.random.default_rng(seed).zipf(exponent, size))


def log_likelihood(alpha, values, x_min, terms=200_000):
    """By its sum, the rest of it as an integral from the middle of a step."""
    x = np.arange(x_min, x_min + terms, dtype=float)
    norm = (x**-alpha).sum() + (x[-1] + 0.5) ** (1 - alpha) / (alpha - 1)
    tail = values[values >= x_min]
    return -len(tail) * math.log(norm) - alpha * np.log(tail).sum()


@pytest.mark.parametrize('x_min', [1, 3])
def test_exponent_is_the_likeliest(x_min):
    values = zipf(2.4, 500)
    law = fit_power_law(values, x_min)
    grid = np.linspace(1.5, 4, 251)
    curve = [log_likelihood(alpha, values.numpy(), x_min) for alpha in grid]
    assert law.exponent == pytest.approx(grid[int(np.argmax(curve))], abs=0.0101)
    beside = [law.exponent - 1e-3, law.exponent + 1e-3]
    best = log_likelihood(law.exponent, values.numpy(), x_min)
    assert all(log_likelihood(a, values.numpy(), x_min) < best for a in beside)
    assert law.num_tail == int((values >= x_min).sum())


@pytest.mark.parametrize('exponent', [1.8, 2.5, 3.5])
def test_finds_the_law_values_were_drawn_from(exponent):
    law = fit_power_law(zipf(exponent, 20_000), 1)
    assert abs(law.exponent - exponent) < 4 * law.error
    assert law.distance < 0.02


def test_error_is_the_spread_over_draws():
    laws = [fit_power_law(zipf(2.5, 1000, seed), 1) for seed in range(60)]
    spread = np.std([law.exponent for law in laws])
    assert laws[0].error == pytest.approx(spread, rel=0.3)


def test_distance_is_the_farthest_the_two_shares_are_apart():
    values = torch.tensor([1, 1, 1, 2, 5])
    law = fit_power_law(values, 1)
    x = np.arange(0, 50)
    share = np.searchsorted(values.numpy(), x, side='right') / 5
    expected = np.abs(share - stats.zipf.cdf(x, law.exponent)).max()
    assert law.distance == pytest.approx(expected)


def test_x_min_is_found_where_the_law_begins():
    generator = torch.Generator().manual_seed(0)
    flat = torch.randint(1, 8, (4000,), generator=generator)
    values = zipf(2.5, 60_000)
    law = fit_power_law(torch.cat([flat, values[values >= 8]]))
    assert 7 <= law.x_min <= 12
    assert abs(law.exponent - 2.5) < 4 * law.error


def test_zeros_are_below_every_law():
    values = zipf(2.5, 300)
    assert fit_power_law(torch.cat([values, torch.zeros(99).long()])) == fit_power_law(
        values
    )


def test_nothing_to_fit():
    same = fit_power_law(torch.full((9,), 4))
    assert same.exponent == math.inf and same.x_min == 4 and same.distance == 0
    assert math.isnan(fit_power_law(torch.zeros(3).long()).exponent)
    assert math.isnan(fit_power_law(torch.tensor([1, 2]), 3).exponent)


def test_bad_input():
    with pytest.raises(InputError, match='float32'):
        fit_power_law(torch.ones(3))
    with pytest.raises(InputError, match=r'at least 1.*got 0'):
        fit_power_law(torch.ones(3).long(), 0)
