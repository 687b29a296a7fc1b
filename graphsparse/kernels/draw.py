"""What the samplers are made of: drawing slots of rows, numbering what was found."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from graphsparse.kernels import reference_sampling as reference
from graphsparse.kernels.native import native_call, threads_for
from graphsparse.kernels.streams import step_key


class Draw(NamedTuple):
    """Slots drawn row by row: those of row ``i`` are ``ends[i] ... ends[i + 1]``.

    Shapes: ``ends`` ``[rows + 1]``, ``slot`` and ``found`` (the column of each slot)
    ``[draws]``, all int64.
    """

    ends: Tensor
    slot: Tensor
    found: Tensor


def draw(
    rowptr: Tensor,
    col: Tensor,
    node: Tensor,
    fanout: int = -1,
    *,
    seed: int = 0,
    step: int = 0,
    stream: Tensor | None = None,
    weight: Tensor | None = None,
    replace: bool = False,
) -> Draw:
    """Draw up to ``fanout`` slots (all, in order, if negative) of each node's row.

    Row ``i`` draws from the stream ``(seed, step, stream[i])``; its node's, if None.

    Raises:
        ValueError: If a weight in one of these rows is negative, or one of them or
            their sum is not finite.
    """
    choices = rowptr[node + 1] - rowptr[node]
    scanned = 0
    if weight is not None:
        weight = weight.detach()
        scanned = int(choices.sum())
        choices = _count_positive(rowptr, weight, node, scanned)
    replace = replace and fanout >= 0
    if replace:
        choices = torch.where(choices > 0, fanout, 0)
    elif fanout >= 0:
        choices = choices.clamp(max=fanout)
    ends = node.new_zeros(node.numel() + 1)
    torch.cumsum(choices, 0, out=ends[1:])
    stream = node if stream is None else stream
    key = step_key(seed, step)
    slot = node.new_empty(int(ends[-1]))
    found = torch.empty_like(slot)
    if rowptr.device.type == 'cpu' and native_call(
        'draw_slots',
        (torch.float32 if weight is None else weight.dtype, col.dtype),
        *(rowptr, col, weight, node, stream, ends, slot, found),
        *(node.numel(), key, int(replace)),
        threads_for(slot.numel() + scanned),
    ):
        return Draw(ends, slot, found)
    slot = reference.draw_slots(rowptr, weight, node, stream, ends, key, replace)
    return Draw(ends, slot, col[slot].long())


def _count_positive(
    rowptr: Tensor, weight: Tensor, node: Tensor, scanned: int
) -> Tensor:
    count = torch.empty_like(node)
    if rowptr.device.type != 'cpu' or not native_call(
        'count_positive',
        (weight.dtype,),
        *(rowptr, weight, node, count, node.numel()),
        threads_for(scanned),
    ):
        count = reference.count_positive(rowptr, weight, node)
    if (count < 0).any():
        bad = int(node[count < 0][0])
        row = weight[rowptr[bad] : rowptr[bad + 1]]
        culprit = torch.cat([row[~(row >= 0) | row.isinf()], row.sum()[None]])
        raise ValueError(
            'A weight has to be finite and at least 0, and so has the sum of a row '
            f'(got {float(culprit[0])} in row {bad}).'
        )
    return count


def number_nodes(known: Tensor, found: Tensor, num_nodes: int) -> tuple[Tensor, Tensor]:
    """Number nodes in the order of their discovery.

    Args:
        known: Nodes numbered already, ``[known]``; among equals the first counts.
        found: Nodes in any order, ``[found]``.
        num_nodes: A bound above all of them.

    Returns:
        The number of each node found, and the nodes not known before, which are
        numbered from ``len(known)`` on; all int64.

    Raises:
        ValueError: If a node found is not below the bound.
    """
    check_below(num_nodes, found)
    number, fresh = torch.empty_like(found), torch.empty_like(found)
    num_fresh = found.new_zeros(1)
    if found.device.type == 'cpu' and native_call(
        'number_nodes',
        (),
        *(known, found, number, fresh, num_fresh),
        *(known.numel(), found.numel(), num_nodes),
    ):
        return number, fresh[: int(num_fresh)].clone()
    return reference.number_nodes(known, found)


def locate_nodes(known: Tensor, found: Tensor, num_nodes: int) -> Tensor:
    """The place of each node found in ``known``, int64 ``[found]``; -1 if not there."""
    check_below(num_nodes, found)
    place = torch.empty_like(found)
    if found.device.type == 'cpu' and native_call(
        'locate_nodes',
        (),
        *(known, found, place, known.numel(), found.numel(), num_nodes),
        threads_for(found.numel()),
    ):
        return place
    return reference.locate_nodes(known, found)


def check_below(num_nodes: int, found: Tensor) -> None:
    """ValueError where a column is no row: the matrix is not square."""
    if found.numel() and int(found.max()) >= num_nodes:
        raise ValueError(
            f'The columns have to be the same {num_nodes} nodes as the rows '
            f'(got column {int(found.max())}).'
        )
