"""Tables of edges between named nodes, read with one error for what is wrong."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from graphsparse.engine import InputError

_SHOWN = 5


def import_pandas() -> Any:
    """The package, or one sentence that says how to have it."""
    try:
        import pandas
    except ImportError:
        raise InputError(
            "Tables need pandas: pip install 'graphsparse[tables]'."
        ) from None
    return pandas


def find_nodes(index: Any, table: Any, ends: tuple[str, str], name: str) -> Tensor:
    """Numbers of the nodes that a table names ``[2, rows]``.

    Args:
        index: Key of each node, a pandas Index.
        table: A row for every pair.
        ends: Columns of its two ends.
        name: What the table is called in an error.

    Raises:
        InputError: With the first names that are not known, or if there is no row.
    """
    found = _places(index, table, ends, name)
    for column, place in zip(ends, found, strict=True):
        bad = table[column][place.numpy() < 0]
        if len(bad):
            raise InputError(
                f'{name} names {len(bad)} unknown nodes in {column!r}: {_first(bad)}.'
            )
    return found


def find_shared(index: Any, table: Any, ends: tuple[str, str], name: str) -> Tensor:
    """Numbers of the rows whose two nodes are known ``[2, some]``, others left out.

    Raises:
        InputError: If both are known in no row.
    """
    found = _places(index, table, ends, name)
    found = found[:, (found >= 0).all(dim=0)]
    if not found.size(1):
        raise InputError(
            f'{name} links no two nodes that are known: it begins with '
            f'{_first(table[ends[0]])}, known are {_first(index.to_series())}. Name '
            'the same node alike, in the same type.'
        )
    return found


def read_nodes(nodes: Any, key: str) -> tuple[Any, Tensor]:
    """Key of each node, a pandas Index, and its numbers ``[nodes, columns]``.

    Raises:
        InputError: If a key is missing or told twice, a column holds no numbers, or a
            number is missing or infinite.
    """
    pandas = import_pandas()
    check_columns('nodes', nodes, key)
    twice = nodes[key][nodes[key].duplicated()]
    if len(twice):
        raise InputError(f'nodes tells {len(twice)} keys again: {_first(twice)}.')
    if nodes[key].isna().any():
        raise InputError(f'nodes has {int(nodes[key].isna().sum())} rows without key.')
    numbers = nodes.drop(columns=key)
    for column in numbers:
        if not pandas.api.types.is_numeric_dtype(numbers[column]):
            raise InputError(
                f'nodes holds {numbers[column].dtype} in {column!r}: make numbers of '
                'it, or drop the column.'
            )
        bad = numbers[column][~numbers[column].map(_is_finite)]
        if len(bad):
            raise InputError(f'nodes lacks {len(bad)} numbers in {column!r}.')
    if numbers.shape[1] == 0:
        raise InputError(
            'nodes has no column of numbers beside its keys: leave it out.'
        )
    x = torch.as_tensor(numbers.to_numpy('float32').copy())
    return pandas.Index(nodes[key]), x


def check_columns(name: str, table: Any, *columns: str) -> None:
    """InputError unless the table has all of the columns."""
    for column in columns:
        if column not in getattr(table, 'columns', ()):
            told = list(getattr(table, 'columns', ())) or type(table).__name__
            raise InputError(f'{name} has no column {column!r} (got {told}).')


def _places(index: Any, table: Any, ends: tuple[str, str], name: str) -> Tensor:
    """Numbers of both ends ``[2, rows]``, -1 where a node is not known."""
    check_columns(name, table, *ends)
    if not len(table):
        raise InputError(f'{name} is empty.')
    places = [index.get_indexer(table[column]) for column in ends]
    return torch.stack([torch.as_tensor(place.copy()).long() for place in places])


def _is_finite(number: Any) -> bool:
    return number == number and abs(number) != float('inf')


def _first(values: Any) -> str:
    shown = ', '.join(repr(value) for value in values.iloc[:_SHOWN])
    return shown if len(values) <= _SHOWN else f'{shown}, ...'
