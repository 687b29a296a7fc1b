"""The meaning of every op in plain torch: slow, short, and what the rest is held to.

``x`` is ``[columns, heads, features]``, values are ``[slots, heads]`` or None.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels.pattern import row_ids


def _messages(col: Tensor, perm: Tensor | None, value: Tensor | None, x: Tensor):
    message = x.index_select(0, col)
    if value is None:
        return message
    value = value if perm is None else value.index_select(0, perm)
    return message * value.unsqueeze(-1)


def spmm_sum(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, value: Tensor | None, x: Tensor
) -> Tensor:
    """``out[i] = sum_k value[k] * x[col[k]]`` over the slots ``k`` of row ``i``."""
    out = x.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    message = _messages(col, perm, value, x)
    return out.index_add_(0, row_ids(rowptr, col.numel()), message)


def spmm_max(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, value: Tensor | None, x: Tensor
) -> Tensor:
    """The largest message of each row; 0 in empty rows."""
    message = _messages(col, perm, value, x)
    row = row_ids(rowptr, col.numel()).view(-1, 1, 1).expand_as(message)
    out = x.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    return out.scatter_reduce_(0, row, message, 'amax', include_self=False)


def sddmm(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, a: Tensor, b: Tensor
) -> Tensor:
    """``out[k] = <a[row of k], b[col of k]>`` per head, ``[slots, heads]``."""
    row = row_ids(rowptr, col.numel())
    dots = (a.index_select(0, row) * b.index_select(0, col)).sum(-1)
    if perm is None:
        return dots
    return torch.empty_like(dots).index_copy_(0, perm.long(), dots)


def segment_reduce(rowptr: Tensor, src: Tensor, reduce: str) -> Tensor:
    """Sum, mean, max or min of ``src [slots, width]`` over each row; empty rows: 0."""
    row = row_ids(rowptr, src.size(0))
    out = src.new_zeros(rowptr.numel() - 1, src.size(1))
    if reduce == 'sum':
        return out.index_add_(0, row, src)
    if reduce == 'mean':
        count = rowptr.diff().clamp_(min=1).unsqueeze(-1)
        return out.index_add_(0, row, src).div_(count)
    index = row.unsqueeze(-1).expand_as(src)
    return out.scatter_reduce_(0, index, src, f'a{reduce}', include_self=False)


def segment_softmax(rowptr: Tensor, score: Tensor) -> Tensor:
    """Softmax of ``score [slots, heads]`` within each row."""
    row = row_ids(rowptr, score.size(0))
    score = score.contiguous()  # or the result takes its strides, unlike the fake's
    shifted = (score - segment_reduce(rowptr, score, 'max').index_select(0, row)).exp()
    return shifted / segment_reduce(rowptr, shifted, 'sum').index_select(0, row)
