from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from graphsparse.engine import InputError

RELIABLE = 50  # values a tail should hold, Clauset et al., section 3.1


class PowerLaw(NamedTuple):
    """A discrete power law, p(x) proportional to x^-exponent from x_min on.

    Attributes:
        exponent: Of maximum likelihood; infinite where all values equal ``x_min``,
            NaN without values.
        error: Its standard error.
        x_min: Where the law begins.
        num_tail: How many values are at least ``x_min``.
        distance: Kolmogorov-Smirnov's, between the values and the law.
    """

    exponent: float
    error: float
    x_min: int
    num_tail: int
    distance: float


def fit_power_law(values: Tensor, x_min: int | None = None) -> PowerLaw:
    r"""Fit a power law to whole numbers, such as degrees, by maximum likelihood.

    Maximises :math:`-n \ln \zeta(\alpha, x_{min}) - \alpha \sum \ln x_i` over
    the n values from ``x_min`` on. Clauset, Shalizi & Newman, "Power-Law Distributions
    in Empirical Data", SIAM Review 2009, eqs. 3.5 and 3.6; not their eq. 3.7, which is
    off by far where ``x_min`` is small, as degrees have it.

    Args:
        values: Whole numbers of at least 0.
        x_min: Smaller values are left out. None takes the one whose law is nearest to
            its tail (section 3.3), among those that leave 50 values; two graphs are
            compared under one.

    Raises:
        InputError: If values are not whole numbers or ``x_min`` is below 1.
    """
    if values.is_floating_point() or values.is_complex() or values.dim() != 1:
        raise InputError(
            'A power law is fitted to a vector of whole numbers (got '
            f'{values.dtype} of shape {list(values.shape)}).'
        )
    if x_min is not None and x_min < 1:
        raise InputError(f'x_min has to be at least 1 (got {x_min}).')
    x, count = np.unique(values.cpu().numpy(), return_counts=True)
    x, count = x[x > 0], count[x > 0]
    if x_min is not None:
        return _fit(x[x >= x_min], count[x >= x_min], x_min)
    if not x.size:
        return _fit(x, count, 1)
    tail = count[::-1].cumsum()[::-1]
    begins = [i for i in range(x.size) if i == 0 or tail[i] >= RELIABLE]
    fits = (_fit(x[i:], count[i:], int(x[i])) for i in begins)
    return min(fits, key=lambda law: law.distance)


def _fit(x: NDArray, count: NDArray, x_min: int) -> PowerLaw:
    """The law for distinct values, ascending, each so many times."""
    from scipy.optimize import minimize_scalar
    from scipy.special import zeta

    n = int(count.sum())
    if not n:
        return PowerLaw(math.nan, math.nan, x_min, 0, math.nan)
    if x[-1] == x_min:
        return PowerLaw(math.inf, math.inf, x_min, n, 0.0)
    mean_log = float(count @ np.log(x)) / n

    def loss(alpha: float) -> float:
        return math.log(zeta(alpha, x_min)) + alpha * mean_log

    steepest = 600 / math.log(x_min + 1)  # beyond it zeta is 0 in double precision
    found = minimize_scalar(
        loss, bounds=(1 + 1e-9, steepest), method='bounded', options={'xatol': 1e-9}
    )
    alpha, step = float(found.x), 1e-3 * (found.x - 1)
    curve = (loss(alpha - step) - 2 * loss(alpha) + loss(alpha + step)) / step**2
    error = 1 / math.sqrt(n * curve) if curve > 0 else math.inf

    def law(end: NDArray) -> NDArray:
        return 1 - zeta(alpha, end + 1.0) / zeta(alpha, x_min)

    share = count.cumsum() / n
    # Steps of the values stand still up to the next one, where the law is farthest.
    gaps = np.abs(share - law(x)), np.abs(share[:-1] - law(x[1:] - 1))
    first = float(law(x[:1] - 1)[0])
    return PowerLaw(alpha, error, x_min, n, max(first, *(g.max() for g in gaps)))
