"""What the ops cannot see for themselves: sizes behind raw pointers, tangents."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.autograd import forward_ad

from graphsparse.kernels.pattern import Pattern

_BYTE = torch.uint8


def check_spmm(
    pattern: Pattern, x: Tensor, value: Tensor | None, keep: Tensor | None
) -> None:
    """ValueError where a sparse product would read past the end of an operand.

    A pattern without its transpose does not tell its columns: then ``x`` is trusted.
    """
    _check_rows('x', x, _num_cols(pattern), 'column')
    slots = pattern.col.numel()
    if value is not None:
        _check_value(value, slots, x)
    if keep is not None and (keep.dtype, keep.shape) != (_BYTE, ((slots + 7) // 8,)):
        raise ValueError(
            f'keep has to be pack_bits of a mask of the {slots} slots '
            f'(got {keep.dtype} of shape {list(keep.shape)}).'
        )


def _check_value(value: Tensor, slots: int, x: Tensor) -> None:
    if value.is_complex() and not x.is_complex():
        raise ValueError(f'value is {value.dtype}, but x is {x.dtype}.')
    heads = x.size(1) if x.dim() == 3 else 1
    if value.dim() not in (1, 2):
        raise ValueError(
            'value has to be [slots] or [slots, heads] '
            f'(got shape {list(value.shape)}).'
        )
    if value.size(0) != slots:
        raise ValueError(
            f'value has {value.size(0)} rows, but the pattern has {slots} slots.'
        )
    if value.dim() == 2 and value.size(1) not in (1, heads):
        raise ValueError(f'value has {value.size(1)} heads, but x has {heads}.')


def check_sddmm(
    pattern: Pattern, a: Tensor, b: Tensor, dims: tuple[int, int] = (2, 3)
) -> None:
    """As :func:`check_spmm`, for a sampled product; ``dims`` as in ``_check_rows``."""
    _check_rows('a', a, pattern.rowptr.numel() - 1, 'row', dims)
    _check_rows('b', b, _num_cols(pattern), 'column', dims)
    if a.shape[1:] != b.shape[1:]:
        raise ValueError(
            'a and b have to agree in heads and features '
            f'(got shapes {list(a.shape)} and {list(b.shape)}).'
        )


def check_gat(
    pattern: Pattern,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    dropout: float,
    seed: Tensor | None,
) -> None:
    """As :func:`check_spmm`, for attention."""
    if not x.is_floating_point():
        raise ValueError(f'x has to hold floats (got {x.dtype}).')
    _check_rows('x', x, _num_cols(pattern), 'column', (3, 3))
    rows, slots = pattern.rowptr.numel() - 1, pattern.col.numel()
    shapes = {'source': (x.size(0), x.size(1)), 'target': (rows, x.size(1))}
    for (name, shape), tensor in zip(shapes.items(), (source, target), strict=True):
        if tensor.shape != shape:
            raise ValueError(
                f'{name} has to have shape {list(shape)} (got {list(tensor.shape)}).'
            )
    if mask is not None and mask.shape != (slots,):
        raise ValueError(
            f'mask has to hold one number for each of the {slots} slots '
            f'(got shape {list(mask.shape)}).'
        )
    if not 0 <= dropout <= 1:
        raise ValueError(f'dropout has to be between 0 and 1 (got {dropout}).')
    if dropout and (seed is None or seed.dtype != torch.int64 or seed.dim()):
        raise ValueError(f'dropout needs an int64 scalar tensor as seed (got {seed}).')


def _num_cols(pattern: Pattern) -> int | None:
    return None if pattern.t_rowptr is None else pattern.t_rowptr.numel() - 1


def _check_rows(
    name: str,
    dense: Tensor,
    size: int | None,
    of: str,
    dims: tuple[int, int] = (2, 3),
) -> None:
    """``dims``: of how many dimensions it is, without and with heads."""
    if dense.dim() not in dims:
        width = ', features' if dims == (2, 3) else ''
        raise ValueError(
            f'{name} has to be [{of}s{width}] or [{of}s, heads{width}] '
            f'(got shape {list(dense.shape)}).'
        )
    if size is not None and dense.size(0) != size:
        raise ValueError(
            f'{name} has {dense.size(0)} rows, but the pattern has {size} {of}s.'
        )


def check_segment(src: Tensor) -> None:
    """ValueError unless it is a list of numbers or of rows of them."""
    if src.dim() not in (1, 2):
        raise ValueError(
            'There have to be [slots] or [slots, width] numbers '
            f'(got shape {list(src.shape)}).'
        )


def check_ends(rowptr: Tensor, src: Tensor) -> None:
    """ValueError where rows end elsewhere than ``src``; reads ``rowptr``."""
    end = int(rowptr[-1])
    if end != src.size(0):
        raise ValueError(f'The rows end at slot {end}, but there are {src.size(0)}.')


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
