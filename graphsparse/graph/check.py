"""What an edge list has to hold before anything reads it without bounds."""

from __future__ import annotations

import operator
from typing import Any

import torch
from torch import Tensor

from graphsparse.engine import InputError


def check_num_nodes(num_nodes: Any) -> int | tuple[int, int]:
    """One number of nodes, or a pair of sources and targets; else InputError."""
    pair = isinstance(num_nodes, tuple | list)
    try:
        src, dst = map(operator.index, num_nodes if pair else (num_nodes, num_nodes))
    except (TypeError, ValueError):
        src = dst = -1
    if min(src, dst) < 0:
        raise InputError(
            'num_nodes has to be a number of nodes, or a pair (sources, targets) '
            f'(got {num_nodes!r}).'
        )
    if src * dst >= 2**63:  # arcs are sorted by one number for both ends
        raise InputError(f'{src} times {dst} nodes are too many (2^63 or more).')
    return (src, dst) if pair else src


def check_edge_index(
    edge_index: Tensor, num_src: int, num_dst: int, name: str = 'edge_index'
) -> None:
    """Raise InputError unless every entry names a node."""
    check_tensor(name, edge_index)
    if edge_index.dtype not in (torch.int64, torch.int32):
        raise InputError(
            f'{name} has to be int64 or int32 (got {edge_index.dtype}); '
            f'convert it with {name}.long().'
        )
    if edge_index.layout != torch.strided:
        raise InputError(
            f'edge_index has to be dense (got {edge_index.layout}); '
            'convert it with edge_index.to_dense().'
        )
    if edge_index.dim() != 2 or edge_index.size(0) != 2:
        raise InputError(
            f'{name} has to have shape [2, edges] (got {list(edge_index.shape)}).'
        )
    for end, size in ((0, num_src), (1, num_dst)):
        if in_range(edge_index[end], size):
            continue
        bad = (edge_index[end] < 0) | (edge_index[end] >= size)
        place = int(bad.nonzero()[0])
        raise InputError(
            f'{name}[{end}, {place}] is {int(edge_index[end, place])}, but '
            f'node ids go from 0 to {size - 1}. Fix the id or give the true '
            'number of nodes.'
        )


def in_range(ids: Tensor, size: int) -> bool:
    """Whether all ids are from 0 to ``size - 1``; one pass, nothing allocated."""
    if ids.numel() == 0:
        return True
    low, high = ids.aminmax()
    return bool(low >= 0) and bool(high < size)


def check_rowptr(rowptr: Tensor, num_slots: int) -> Tensor:
    """Row ends as int64; InputError unless they rise from 0 to ``num_slots``."""
    check_tensor('rowptr', rowptr)
    if rowptr.dtype not in (torch.int64, torch.int32):
        raise InputError(f'rowptr has to be int64 or int32 (got {rowptr.dtype}).')
    if rowptr.dim() != 1 or rowptr.numel() == 0:
        raise InputError(
            f'rowptr has to have shape [rows + 1] (got {list(rowptr.shape)}).'
        )
    if int(rowptr[0]) != 0 or int(rowptr[-1]) != num_slots:
        raise InputError(
            f'rowptr has to go from 0 to the {num_slots} slots of col '
            f'(got {int(rowptr[0])} to {int(rowptr[-1])}).'
        )
    falls = rowptr[1:] < rowptr[:-1]
    if falls.any():
        row = int(falls.nonzero()[0])
        raise InputError(
            f'rowptr may not fall, but rowptr[{row}] is {int(rowptr[row])} and '
            f'rowptr[{row + 1}] is {int(rowptr[row + 1])}.'
        )
    return rowptr.long()


def check_tensor(name: str, value: Any) -> None:
    """InputError for anything but a tensor."""
    if not isinstance(value, Tensor):
        raise InputError(
            f'{name} has to be a tensor (got {type(value).__name__}); '
            'convert it with torch.as_tensor.'
        )


def check_weight(weight: Tensor, num_edges: int) -> Tensor:
    """The weights as a float vector; InputError unless one finite number an edge."""
    check_tensor('edge_weight', weight)
    if weight.dim() == 2 and weight.size(1) == 1:
        weight = weight.squeeze(1)
    if weight.dim() != 1 or weight.numel() != num_edges:
        raise InputError(
            f'edge_weight has to hold one number for each of the {num_edges} edges '
            f'(got shape {list(weight.shape)}).'
        )
    if weight.is_complex():
        raise InputError(f'edge_weight has to be real (got {weight.dtype}).')
    if not weight.is_floating_point():
        weight = weight.to(torch.get_default_dtype())
    bad = ~weight.detach().isfinite()
    if bad.any():
        place = int(bad.nonzero()[0])
        raise InputError(f'edge_weight[{place}] is {float(weight[place])}.')
    return weight


def check_mask(mask: Tensor, size: int, of: str) -> Tensor:
    """A boolean mask of the given length, or InputError."""
    check_tensor('The mask', mask)
    if mask.dtype != torch.bool or mask.shape != (size,):
        raise InputError(
            f'The mask has to be boolean with one entry for each of the {size} {of} '
            f'(got {mask.dtype} of shape {list(mask.shape)}).'
        )
    return mask
