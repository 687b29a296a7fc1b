"""The meaning of the native sampling kernels in torch, bit for bit the same."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels.pattern import row_ids
from graphsparse.kernels.streams import fold, uniform


def count_positive(rowptr: Tensor, weight: Tensor, node: Tensor) -> Tensor:
    """Slots of positive weight in each node's row; -1 where a weight is not valid."""
    begin, ends = rowptr[node], rowptr[node + 1]
    rows = zip(begin.tolist(), ends.tolist(), strict=True)
    counts = [_count(weight[first:last]) for first, last in rows]
    return torch.tensor(counts, dtype=torch.int64, device=node.device)


def _count(weight: Tensor) -> int:
    total = weight.double().cumsum(0)[-1:]
    valid = (weight >= 0).all() and total.isfinite().all()
    return int((weight > 0).sum()) if valid else -1


def draw_slots(
    rowptr: Tensor,
    weight: Tensor | None,
    node: Tensor,
    stream: Tensor,
    ends: Tensor,
    key: int,
    replace: bool,
) -> Tensor:
    """``ends[i + 1] - ends[i]`` slots of the row of ``node[i]``, int64 ``[draws]``."""
    begin, degree = rowptr[node], rowptr[node + 1] - rowptr[node]
    streams = fold(key, stream)
    if weight is not None:
        rows = zip(begin.tolist(), degree.tolist(), ends.diff().tolist(), strict=True)
        parts = [
            first + _weighted(u, weight[first : first + size], count, replace)
            for u, (first, size, count) in zip(streams, rows, strict=True)
        ]
        return torch.cat([*parts, node.new_empty(0)])
    total = int(ends[-1])
    row = row_ids(ends, total)
    place = torch.arange(total, device=node.device) - ends[row]
    if replace:
        return begin[row] + (uniform(streams[row], place) * degree[row]).long()
    slot = begin[row] + place
    some = ((ends.diff() > 0) & (ends.diff() < degree)).nonzero().squeeze(1)
    for count in ends.diff()[some].unique().tolist():
        part = some[ends.diff()[some] == count]
        drawn = _distinct(streams[part], degree[part], count)
        where = ends[part].unsqueeze(1) + torch.arange(count, device=node.device)
        slot[where] = begin[part].unsqueeze(1) + drawn
    return slot


def _distinct(streams: Tensor, degree: Tensor, count: int) -> Tensor:
    """Floyd's algorithm (Bentley & Floyd, CACM 1987) on many rows at once."""
    place = degree.new_empty(degree.numel(), count)
    for j in range(count):
        last = degree - count + j
        pick = (uniform(streams, j) * (last + 1)).long()
        taken = (place[:, :j] == pick.unsqueeze(1)).any(1)
        place[:, j] = torch.where(taken, last, pick)
    return place


def _weighted(stream: Tensor, weight: Tensor, count: int, replace: bool) -> Tensor:
    """One row: draws by weight; those already out are drawn past, then left out."""
    weight = weight.double()
    if count == 0 or (not replace and count == int((weight > 0).sum())):
        return (weight > 0).nonzero().squeeze(1)[:count]
    left = weight.clone()
    place: list[int] = []
    sums, gone, number = left.cumsum(0), 0.0, 0
    while len(place) < count:
        pick = _search(sums, uniform(stream, number))
        number += 1
        if replace:
            place.append(pick)
        elif pick not in place:
            place.append(pick)
            gone += float(weight[pick])
        elif 2 * gone > float(sums[-1]):
            left[place] = 0
            sums, gone = left.cumsum(0), 0.0
    return torch.tensor(place, dtype=torch.int64, device=weight.device)


def _search(sums: Tensor, share: Tensor) -> int:
    found = int(torch.searchsorted(sums, share * sums[-1], right=True))
    # The product rounds up to the total where that is subnormal.
    return found if found < sums.numel() else int(torch.searchsorted(sums, sums[-1]))


def number_nodes(known: Tensor, found: Tensor) -> tuple[Tensor, Tensor]:
    """Numbers in ``known``, or after it by discovery; and the nodes that are new."""
    both = torch.cat([known, found])
    distinct, index = torch.unique(both, return_inverse=True)
    place = torch.arange(both.numel(), device=both.device)
    first = torch.full_like(distinct, both.numel())
    first = first.scatter_reduce_(0, index, place, 'amin')
    new = first[first >= known.numel()].sort().values
    number = torch.searchsorted(new, first) + known.numel()
    number = torch.where(first < known.numel(), first, number)
    return number[index[known.numel() :]], both[new]


def locate_nodes(known: Tensor, found: Tensor) -> Tensor:
    """The first place of each node in ``known``; -1 where it is not there."""
    number, _ = number_nodes(known, found)
    return torch.where(number < known.numel(), number, -1)
