"""What the ops cannot see for themselves: sizes behind raw pointers, tangents."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from graphsparse.kernels.pattern import Pattern


def check_spmm(pattern: Pattern, x: Tensor, value: Tensor | None) -> None:
    """ValueError where a sparse product would read past the end of an operand.

    A pattern without its transpose does not tell its columns: then ``x`` is trusted.
    """
    _check_rows('x', x, _num_cols(pattern), 'column')
    if value is not None and value.size(0) != pattern.col.numel():
        raise ValueError(
            f'value has {value.size(0)} rows, but the pattern has '
            f'{pattern.col.numel()} slots.'
        )


def check_sddmm(pattern: Pattern, a: Tensor, b: Tensor) -> None:
    """As :func:`check_spmm`, for a sampled product."""
    _check_rows('a', a, pattern.rowptr.numel() - 1, 'row')
    _check_rows('b', b, _num_cols(pattern), 'column')
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            'a and b have to agree in heads and features '
            f'(got shapes {list(a.shape)} and {list(b.shape)}).'
        )


def _num_cols(pattern: Pattern) -> int | None:
    return None if pattern.t_rowptr is None else pattern.t_rowptr.numel() - 1


def _check_rows(name: str, dense: Tensor, size: int | None, of: str) -> None:
    if dense.dim() not in (2, 3):
        raise ValueError(
            f'{name} has to be [{of}s, features] or [{of}s, heads, features] '
            f'(got shape {list(dense.shape)}).'
        )
    if size is not None and dense.size(0) != size:
        raise ValueError(
            f'{name} has {dense.size(0)} rows, but the pattern has {size} {of}s.'
        )


def refuse_forward_mode(*tensors: Tensor | None) -> None:
    """NotImplementedError for a dual tensor: a custom op would drop its tangent."""
    if forward_ad._current_level < 0:
        return
    for tensor in tensors:
        if tensor is not None and forward_ad.unpack_dual(tensor).tangent is not None:
            raise NotImplementedError(
                'Forward-mode derivatives (jvp) are not there for sparse kernels; '
                'use reverse mode, twice for a Hessian-vector product.'
            )


def check_ids(name: str, ids: Tensor, rowptr: Tensor) -> Tensor:
    """``ids`` as int64 beside ``rowptr``; ValueError unless they are rows of it."""
    size = rowptr.numel() - 1
    if ids.dim() != 1 or ids.dtype not in (torch.int32, torch.int64):
        raise ValueError(
            f'{name} has to be a list of node ids, int64 of one dimension '
            f'(got {ids.dtype} of shape {list(ids.shape)}).'
        )
    outside = (ids < 0) | (ids >= size)
    if outside.any():
        raise ValueError(
            f'{name} has to hold node ids from 0 to {size - 1} '
            f'(got {int(ids[outside][0])}).'
        )
    return ids.to(rowptr.device, torch.int64)


def check_slots(name: str, value: Tensor | None, col: Tensor) -> None:
    """ValueError unless ``value`` holds one float for each slot."""
    if value is None:
        return
    if value.shape != col.shape or not value.is_floating_point():
        raise ValueError(
            f'{name} has to hold one float for each of the {col.numel()} slots '
            f'(got {value.dtype} of shape {list(value.shape)}).'
        )
