"""Options of a method by dotted name, such as ``training.lr``: read, list, set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any, TypeVar

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown

T = TypeVar('T')


def list_options(method: Any) -> dict[str, Any]:
    """The options of a frozen dataclass and their values, in order.

    A field that is a dataclass itself stands for its own fields, ``training`` for
    ``training.epochs``, ``training.lr`` and so on.
    """
    found: dict[str, Any] = {}
    for own in fields(method):
        value = getattr(method, own.name)
        if is_dataclass(value):
            below = list_options(value)
            found |= {f'{own.name}.{name}': item for name, item in below.items()}
        else:
            found[own.name] = value
    return found


def read_option(method: Any, name: str) -> Any:
    """The value of an option; None for an entry that a mapping does not have yet.

    Raises:
        InputError: If there is no such option.
    """
    known = list_options(method)
    if name in known:
        return known[name]
    parent, _, entry = name.rpartition('.')
    if isinstance(known.get(parent), Mapping):
        return known[parent].get(entry)
    inside = [full for full in known if full.startswith(f'{name}.')]
    if inside:
        raise InputError(
            f'{name} is no single option but several: {", ".join(inside)}.'
        )
    raise unknown('option', name, list(known))


def with_options(method: T, options: Mapping[str, Any]) -> T:
    """A copy of a frozen dataclass with these options, all set at once.

    Args:
        method: With fields that are plain, dataclasses or mappings.
        options: Values by dotted name.

    Raises:
        InputError: If the method refuses them.
    """
    changes: dict[str, Any] = {}
    nested: dict[str, dict[str, Any]] = {}
    for name, value in options.items():
        head, _, rest = name.partition('.')
        if rest:
            nested.setdefault(head, {})[rest] = value
        else:
            changes[head] = value
    for head, below in nested.items():
        inside = changes.get(head, getattr(method, head))
        if is_dataclass(inside):
            changes[head] = with_options(inside, below)
        else:
            # None: an entry that was not there and is not wanted now.
            given = {k: v for k, v in below.items() if v is not None or k in inside}
            changes[head] = {**inside, **given}
    try:
        return replace(method, **changes)  # type: ignore[type-var]
    except (TypeError, ValueError) as error:
        told = ', '.join(f'{name}={value!r}' for name, value in options.items())
        kind = type(method).__name__
        raise InputError(f'{kind} refuses {told}: {error}') from None


def fit_kind(name: str, value: Any, present: Any) -> Any:
    """A value as what the option holds at present: 0 as 0.0, a list as a tuple.

    Raises:
        InputError: If it is of another kind: no number, no True or False.
    """
    if isinstance(present, bool):
        if not isinstance(value, bool):
            raise InputError(f'{name} is true or false (got {value!r}).')
    elif isinstance(present, int | float):
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise InputError(f'{name} is a number (got {value!r}).')
        return float(value) if isinstance(present, float) else value
    elif isinstance(present, tuple) and isinstance(value, list):
        return tuple(value)
    return value
