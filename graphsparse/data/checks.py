"""Checks of plain arguments; each error names the argument and holds the value."""

from __future__ import annotations

import math
from typing import Any

from graphsparse.engine import InputError


def check_int(name: str, value: Any, low: int, high: int | None = None) -> int:
    """``value`` as an int in ``low..high`` (both included).

    Raises:
        InputError: If it is no whole number or out of range.
    """
    whole = not isinstance(value, bool) and hasattr(value, '__index__')
    if not whole or value < low or (high is not None and value > high):
        raise InputError(f'{name} is {value!r}, but must be {_span(low, high)}.')
    return int(value)


def check_float(name: str, value: Any, low: float, high: float = math.inf) -> float:
    """``value`` as a finite float in ``low..high`` (both included).

    Raises:
        InputError: If it is no number, not finite or out of range.
    """
    try:
        number = math.nan if isinstance(value, bool | str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    if not (math.isfinite(number) and low <= number <= high):
        top = '' if high == math.inf else f' and at most {high:g}'
        raise InputError(
            f'{name} is {value!r}, but must be a number of at least {low:g}{top}.'
        )
    return number


def check_seed(seed: Any) -> int:
    """A seed that both torch and NumPy take."""
    return check_int('seed', seed, 0, 2**63 - 1)


def _span(low: int, high: int | None) -> str:
    return (
        f'a whole number of at least {low}'
        if high is None
        else f'a whole number in {low}..{high}'
    )
