"""How many are kept: exact counts, one rule for edges and one for weights."""

from __future__ import annotations

import math
from typing import Literal, get_args

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown

Count = Literal['floor', 'ceil', 'strict', 'nearest']


def check_sparsity(sparsity: float, name: str = 'sparsity') -> float:
    """The fraction removed, if it is in [0, 1); else InputError."""
    if isinstance(sparsity, bool) or not 0 <= sparsity < 1:
        raise InputError(
            f'{name} is the fraction removed and has to be in [0, 1) (got {sparsity}).'
        )
    return float(sparsity)


def count_removed(total: int, sparsity: float, count: Count = 'floor') -> int:
    """How many of ``total`` a sparsity removes.

    Args:
        total: How many there are.
        sparsity: Fraction removed, in [0, 1).
        count: ``'floor'`` (edges), ``'ceil'`` (weights), ``'strict'``, the floor and
            one more, as a strict threshold in a sorted list does, or ``'nearest'``,
            what is nearest to that fraction of ``total - 1``, of two the even one, so
            that one always stays: the released code of untrained tickets.
    """
    if count == 'nearest':
        return round(check_sparsity(sparsity) * max(total - 1, 0))
    exact = total * check_sparsity(sparsity)
    near = round(exact)
    # 100 * 0.29 is 28.999999999999996: a product this near an integer is one.
    exact = near if math.isclose(exact, near, rel_tol=1e-12, abs_tol=1e-9) else exact
    if count == 'floor':
        return math.floor(exact)
    if count == 'ceil':
        return math.ceil(exact)
    if count == 'strict':
        return min(total, math.floor(exact) + 1)
    raise unknown('count', count, list(get_args(Count)))


def count_kept(
    total: int,
    sparsity: float | None = None,
    keep: int | None = None,
    count: Count = 'floor',
) -> int:
    """How many of ``total`` stay, by a fraction removed or by an exact number kept.

    Raises:
        InputError: Unless exactly one of the two is given and in range.
    """
    if (sparsity is None) == (keep is None):
        raise InputError(
            f'Give either sparsity or keep (got sparsity={sparsity}, keep={keep}).'
        )
    if sparsity is not None:
        return total - count_removed(total, sparsity, count)
    assert keep is not None
    if not 0 <= keep <= total or keep != int(keep):
        raise InputError(
            f'keep has to be a whole number between 0 and {total} (got {keep}).'
        )
    return int(keep)
