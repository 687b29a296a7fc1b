"""From lists and rows as given, checked once, to the parts of an Adjacency."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.check import (
    check_edge_index,
    check_num_nodes,
    check_rowptr,
    check_tensor,
    check_weight,
    in_range,
)
from graphsparse.kernels import compact
from graphsparse.kernels.layout import sort_arcs

_BLOCK = 2**22  # slots looked at together


def parts_of_list(
    edge_index: Tensor, num_nodes: int | tuple[int, int], edge_weight: Tensor | None
) -> dict[str, Any]:
    """See :meth:`graphsparse.graph.Adjacency.from_edge_index`."""
    num_nodes = check_num_nodes(num_nodes)
    square = isinstance(num_nodes, int)
    num_src, num_dst = (
        (num_nodes, num_nodes) if isinstance(num_nodes, int) else num_nodes
    )
    check_edge_index(edge_index, num_src, num_dst)
    src, dst = edge_index.long()
    rowptr, col, order = sort_arcs(src, dst, num_src, num_dst, loops_apart=square)
    loop_id = src.new_empty(0)
    if col.numel() < src.numel():
        loop_id = (src == dst).nonzero().squeeze(1)
        loop_id = loop_id[torch.argsort(src[loop_id], stable=True)]
    parts = {'rowptr': rowptr, 'col': col, 'order': order, 'num_src': num_src}
    return parts | _apart(src[loop_id], loop_id, order, src.numel(), edge_weight)


def parts_of_rows(
    rowptr: Tensor, col: Tensor, num_src: int | None, edge_weight: Tensor | None
) -> dict[str, Any]:
    """See :meth:`graphsparse.graph.Adjacency.from_csr`."""
    check_tensor('col', col)
    if col.dtype not in (torch.int64, torch.int32) or col.dim() != 1:
        raise InputError(
            'col has to be int64 or int32, one column a slot '
            f'(got {col.dtype} of shape {list(col.shape)}).'
        )
    rowptr = check_rowptr(rowptr, col.numel())
    square = num_src is None
    if num_src is None:
        num_src = rowptr.numel() - 1
    check_num_nodes((num_src, rowptr.numel() - 1))
    num_input, order, loop = col.numel(), None, rowptr.new_empty(0)
    found = [loop, *_check_columns(rowptr, col, num_src)]
    loop_id = torch.cat(found) if square else loop
    if loop_id.numel():
        loop, keep = col[loop_id].long(), torch.ones_like(col, dtype=torch.bool)
        keep[loop_id] = False
        rowptr, col, order = compact(rowptr, col, keep)
    parts = {'rowptr': rowptr, 'col': col, 'order': order, 'num_src': num_src}
    return parts | _apart(loop, loop_id, order, num_input, edge_weight)


def _apart(
    loop: Tensor,
    loop_id: Tensor,
    order: Tensor | None,
    num_input: int,
    weight: Tensor | None,
) -> dict[str, Any]:
    """Loops, and weights shared out between arcs and loops."""
    parts = {'loop': loop, 'loop_id': loop_id, 'num_input': num_input}
    if weight is None:
        return parts
    weight = check_weight(weight, num_input)
    arcs = weight if order is None else weight[order]
    return parts | {'weight': arcs, 'loop_weight': weight[loop_id]}


def _check_columns(rowptr: Tensor, col: Tensor, num_src: int) -> Iterator[Tensor]:
    """The slots of loops, block by block; InputError for a column out of place.

    Only a block is in memory at once, so ``col`` may be a mapped file.
    """
    for begin, end in slot_blocks(col.numel()):
        first = max(begin - 1, 0)
        part = col[first:end]  # with the slot before, to compare with
        if not in_range(part, num_src):
            bad = (part < 0) | (part >= num_src)
            slot = first + int(bad.nonzero()[0])
            raise InputError(
                f'col[{slot}] is {int(col[slot])}, but columns go from 0 to '
                f'{num_src - 1}. Fix it or give the true num_src.'
            )
        row = rows_of(rowptr, first, end)
        falls = (part[1:] < part[:-1]) & (row[1:] == row[:-1])
        if falls.any():
            slot = first + 1 + int(falls.nonzero()[0])
            raise InputError(
                f'Row {int(row[slot - first])} is not sorted: col[{slot - 1}] is '
                f'{int(col[slot - 1])} and col[{slot}] is {int(col[slot])}. Sort the '
                'columns of each row (sort_indices() in scipy), or use '
                'from_edge_index.'
            )
        loops = first + (part == row).nonzero().squeeze(1)
        yield loops[loops >= begin]


def slot_blocks(num_slots: int) -> Iterator[tuple[int, int]]:
    """First slot and end of some slots at a time."""
    for begin in range(0, num_slots, _BLOCK):
        yield begin, min(begin + _BLOCK, num_slots)


def rows_of(rowptr: Tensor, first: int, end: int) -> Tensor:
    """The row of each slot from ``first`` to ``end``, of one slot at least."""
    ends = torch.tensor([first, end - 1], device=rowptr.device)
    low, high = (torch.searchsorted(rowptr, ends, right=True) - 1).tolist()
    count = rowptr[low : high + 2].clamp(first, end).diff()
    rows = torch.arange(low, high + 1, device=rowptr.device)
    return rows.repeat_interleave(count, output_size=end - first)
