"""Attention under a soft mask."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from graphsparse.kernels import segment_reduce
from graphsparse.kernels.pattern import row_ids


def masked_softmax(rowptr: Tensor, score: Tensor, mask: Tensor) -> Tensor:
    r"""Softmax within each row under a soft mask: :math:`m_k e^{s_k} / \sum m e^s`.

    Not the softmax of ``m * s``: there a masked slot keeps a share. Where m is 0 the
    share is 0, and the gradient to m is that of a slot about to come back.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        score: ``[slots, heads]``, in slot order.
        mask: ``[slots]`` in [0, 1], in slot order.

    Returns:
        ``[slots, heads]``; rows sum to 1, or to 0 where every m is 0.
    """
    row, mask = row_ids(rowptr, score.size(0)), mask.unsqueeze(1)
    # What is masked out has no say in the maximum, or it could drown the rest.
    alive = score.detach().masked_fill(mask <= 0, -math.inf)
    top = segment_reduce(rowptr, alive, 'max')
    # A slot that is out may stand far above it: finite, so that 0 times it is 0.
    limit = math.log(torch.finfo(score.dtype).max) / 2
    weight = mask * (score - top.index_select(0, row)).clamp(max=limit).exp()
    total = segment_reduce(rowptr, weight, 'sum')
    some = total > 0
    return weight * (some / torch.where(some, total, 1)).index_select(0, row)
