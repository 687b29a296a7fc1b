"""How well true links are ranked above others; as the evaluators of OGB count."""

from __future__ import annotations

import warnings

import torch
from torch import Tensor

from graphsparse.engine import InputError


def hits_at(k: int, positive: Tensor, negative: Tensor) -> float:
    """Hits@K: share of positives above the K-th highest of all negatives.

    A tie is no hit. With fewer than K negatives everything is a hit, as in OGB's
    evaluator: a warning says so.

    Args:
        k: At least 1.
        positive: Scores of true links ``[P]``.
        negative: Scores of others, the same for every positive ``[N]``.
    """
    if k < 1:
        raise InputError(f'K of Hits@K has to be at least 1 (got {k}).')
    if positive.dim() != 1 or negative.dim() != 1 or not positive.numel():
        raise InputError(
            'Hits@K compares two vectors of scores (got shapes '
            f'{list(positive.shape)} and {list(negative.shape)}).'
        )
    if negative.numel() < k:
        warnings.warn(
            f'Hits@{k} of {negative.numel()} negatives is 1 whatever the scores.',
            stacklevel=2,
        )
        return 1.0
    bar = torch.topk(negative, k).values[-1]
    return float((positive > bar).sum()) / positive.numel()


def mean_reciprocal_rank(positive: Tensor, negative: Tensor) -> float:
    """MRR: mean of 1 / rank of each positive among negatives of its own.

    The rank is the middle of the places that ties allow.

    Args:
        positive: Scores of true links ``[P]``.
        negative: Scores that each competes with ``[P, N]``.
    """
    if negative.dim() != 2 or positive.shape != negative.shape[:1]:
        raise InputError(
            'MRR wants a row of negatives for every positive (got shapes '
            f'{list(positive.shape)} and {list(negative.shape)}).'
        )
    positive = positive.unsqueeze(1)
    above = (negative > positive).sum(dim=1)
    beside = (negative >= positive).sum(dim=1)
    rank = 0.5 * (above + beside) + 1
    return float((1.0 / rank.to(torch.float)).mean())
