import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from graphsparse.engine import InputError
from graphsparse.kernels import global_topk
from graphsparse.pruning import prox_groups

NORMS = st.lists(st.floats(0.05, 20.0), min_size=2, max_size=6)


def value(u, norms, d, strength):
    """The penalised distance for given shares, each group at its best there."""
    return 0.5 * np.sum(strength * d / (u + strength * d) * norms**2)


def by_slsqp(norms, d, k, strength):
    """The least value that a solver finds which knows none of the formulas."""
    size = len(norms)
    shares = minimize(
        value,
        np.full(size, k / size),
        (norms, d, strength),
        method='SLSQP',
        bounds=[(0, 1)] * size,
        constraints={'type': 'ineq', 'fun': lambda u: k - u.sum()},
        options={'maxiter': 500, 'ftol': 1e-14},
    ).x.clip(0, 1)
    shares *= min(1, k / shares.sum())  # it may overstep by rounding
    return value(shares, norms, d, strength)


@given(NORMS, st.data())
@settings(deadline=None, max_examples=60)
def test_equals_a_general_solver(norms, data):
    size = len(norms)
    norms = np.array(norms)
    d = np.array(data.draw(st.lists(st.floats(0.3, 3), min_size=size, max_size=size)))
    k = data.draw(st.integers(1, size))
    strength = data.draw(st.floats(0.05, 5.0))
    factor = prox_groups(torch.tensor(norms), k, strength, torch.tensor(d)).numpy()
    share = strength * d * factor / (1 - factor)
    assert share.sum() <= k + 1e-9 and (share <= 1 + 1e-9).all()
    best = by_slsqp(norms, d, k, strength)
    assert value(share, norms, d, strength) <= best * (1 + 1e-8)


def test_is_the_proximal_operator_itself():
    """Among weights, not shares: no point near it is better, by brute force."""
    w, k, strength = np.array([3.0, 1.0, 0.4]), 1, 0.5
    shares = np.stack(np.meshgrid(*[np.linspace(1e-6, 1, 41)] * 3), -1).reshape(-1, 3)
    shares = shares[shares.sum(1) <= k + 1e-9]

    def cost(v):
        penalty = 0.5 * (v**2 / shares).sum(1).min()
        return 0.5 * ((v - w) ** 2).sum() + strength * penalty

    best = prox_groups(torch.tensor(w), k, strength).numpy() * w
    steps = np.stack(np.meshgrid(*[[-0.2, -0.1, 0, 0.1, 0.2]] * 3), -1).reshape(-1, 3)
    costs = [cost(best + step) for step in steps]
    assert cost(best) <= min(costs) + 2e-3  # the grid of shares is that coarse
    assert np.argmin(costs) == len(steps) // 2


def test_values_by_hand():
    # eta n - lambda with n = 4, 2, 1, lambda = 1, k = 1: at eta = 1/2 they are
    # 1, 0, -1/2, so group one alone fills the budget.
    assert prox_groups(torch.tensor([4.0, 2.0, 1.0]), 1, 1.0).tolist() == [0.5, 0, 0]
    # k = 1, n = 3, 2: eta 5 = 1 + 2 gives u = 4/5, 1/5.
    factor = prox_groups(torch.tensor([3.0, 2.0]), 1, 1.0)
    assert torch.allclose(factor, torch.tensor([4 / 9, 1 / 6], dtype=torch.float64))


@pytest.mark.parametrize('norms', [[5.0, 4.0, 3.0, 1.0], [2.0, 2.1, 0.0, 7.0]])
def test_great_strength_selects_the_largest(norms):
    norms = torch.tensor(norms)
    for k in range(5):
        top = global_topk(norms, k).double() * (norms > 0)
        factor = prox_groups(norms, k, 1e7)
        assert torch.allclose(factor * (1 + 1e7), top, atol=1e-6)
        assert torch.equal(prox_groups(norms, k, float('inf')) * (norms > 0), top)


def test_equals_share_and_a_budget_for_all_is_a_mere_shrinkage():
    assert torch.allclose(
        prox_groups(torch.ones(4), 2, 1.0), torch.full((4,), 1 / 3).double()
    )
    factor = prox_groups(torch.tensor([1.0, 0.0, 3.0]), 2, 0.25)
    assert factor.tolist() == [0.8, 0, 0.8]
    assert prox_groups(torch.tensor([1.0, 2.0]), 1, 0.0).tolist() == [1, 1]


def test_shares_sum_to_the_budget_over_many_magnitudes():
    generator = torch.Generator().manual_seed(0)
    norms = 10 ** (12 * torch.rand(2000, generator=generator, dtype=torch.float64) - 6)
    for k, strength in ((1, 1e-4), (400, 1e-2), (1999, 3.0)):
        factor = prox_groups(norms, k, strength)
        share = strength * factor / (1 - factor)
        assert float(share.sum()) == pytest.approx(k, rel=1e-9)
        order = norms.argsort()
        assert (factor[order].diff() >= 0).all()


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'k': 4}, r'k .* 3 \(got 4\)'),
        ({'k': -1}, 'got -1'),
        ({'strength': -1.0}, r'strength .* \(got -1'),
        ({'strength': float('nan')}, 'nan'),
        ({'weights': torch.tensor([1.0, 0.0, 1.0])}, 'weights'),
        ({'weights': torch.ones(2)}, 'weights'),
        ({'weights': torch.ones(3), 'strength': float('inf')}, 'infinite'),
    ],
)
def test_bad_input(options, message):
    with pytest.raises(InputError, match=message):
        prox_groups(torch.ones(3), **{'k': 1, 'strength': 1.0} | options)
