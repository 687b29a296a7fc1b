from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels.native import native_call, threads_for
from graphsparse.kernels.pattern import row_ids

_CHUNK = 2**22  # neighbours that the reference holds at once


def common_neighbors(
    rowptr: Tensor, col: Tensor, pairs: Tensor, weight: Tensor | None = None
) -> Tensor:
    r"""Sum over what two rows share: :math:`s_{uv} = \sum_{w \in N(u) \cap N(v)} f_w`.

    Rows are read as sets: a column that stands several times counts once. A pair
    takes time linear in the two rows, less where one is much longer.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        col: Columns, ascending in each row, int32 or int64 ``[slots]``.
        pairs: Two rows each, int64 ``[2, pairs]``.
        weight: :math:`f` for each column, ``[columns]``; 1 if None.

    Returns:
        Counts, int64 ``[pairs]``; with ``weight`` sums, float64 ``[pairs]``. The same
        for any number of threads.

    Raises:
        ValueError: If a pair names no row, or a column has no weight.
    """
    _check(rowptr, col, pairs, weight)
    pairs, weight = pairs.long(), None if weight is None else weight.detach().double()
    out = torch.empty(pairs.size(1), dtype=torch.float64, device=col.device)
    length = rowptr.diff()[pairs].sum(0)
    steps = int(length.sum())
    if col.device.type != 'cpu' or not native_call(
        'common_neighbors',
        (col.dtype,),
        *(rowptr, col, *pairs, weight, out),
        out.numel(),
        threads_for(steps),
    ):
        # As many pairs at a time as the longest rows allow.
        size = max(1, _CHUNK // max(1, int(length.max()) if out.numel() else 1))
        chunks = pairs.split(size, dim=1)
        out = torch.cat([_reference(rowptr, col, part, weight) for part in chunks])
    return out.long() if weight is None else out


def _reference(
    rowptr: Tensor, col: Tensor, pairs: Tensor, weight: Tensor | None
) -> Tensor:
    """Every neighbour of the first is looked up among those of the second."""
    width = int(col.max()) + 1 if col.numel() else 1
    key = torch.unique(row_ids(rowptr, col.numel()) * width + col)  # row by row
    ends = torch.arange(rowptr.numel(), device=col.device) * width
    begin = torch.searchsorted(key, ends)
    count = begin.diff()[pairs[0]]
    pair = torch.arange(pairs.size(1), device=col.device).repeat_interleave(count)
    rank = torch.arange(pair.numel(), device=col.device)
    rank -= (count.cumsum(0) - count)[pair]
    shared = key[begin[pairs[0]][pair] + rank] % width
    wanted = pairs[1][pair] * width + shared
    place = torch.searchsorted(key, wanted).clamp(max=max(key.numel() - 1, 0))
    worth = (key[place] == wanted).double()
    if weight is not None:
        worth *= weight[shared]
    out = torch.zeros(pairs.size(1), dtype=torch.float64, device=col.device)
    return out.index_add_(0, pair, worth)


def _check(rowptr: Tensor, col: Tensor, pairs: Tensor, weight: Tensor | None) -> None:
    integers = pairs.dtype in (torch.int32, torch.int64)
    if pairs.dim() != 2 or pairs.size(0) != 2 or not integers:
        raise ValueError(
            'pairs has to be int64 or int32 of shape [2, pairs] '
            f'(got {pairs.dtype} of shape {list(pairs.shape)}).'
        )
    rows = rowptr.numel() - 1
    if pairs.numel():
        low, high = (int(end) for end in pairs.aminmax())
        if low < 0 or high >= rows:
            raise ValueError(
                f'pairs names row {low if low < 0 else high}, but rows go from 0 to '
                f'{rows - 1}.'
            )
    if weight is None:
        return
    if weight.dim() != 1 or (col.numel() and int(col.max()) >= weight.numel()):
        raise ValueError(
            'weight has to hold one number for each column '
            f'(got shape {list(weight.shape)}).'
        )
