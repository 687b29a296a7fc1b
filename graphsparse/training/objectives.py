from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.evaluation import (
    accuracy,
    mean_average_precision,
    mean_roc_auc,
    micro_f1,
)


class Objective(NamedTuple):
    """What is minimised over labelled rows, and how they are judged.

    Attributes:
        loss: Of logits and labels, and of weights ``[rows]``, if rows have any: their
            weighted mean.
        score: Of logits and labels; more is better.
    """

    loss: Callable[..., Tensor]
    score: Callable[[Tensor, Tensor], float]


def cross_entropy(out: Tensor, y: Tensor, weight: Tensor | None = None) -> Tensor:
    """Mean over rows, of one class each."""
    if weight is None:
        return F.cross_entropy(out, y)
    return (F.cross_entropy(out, y, reduction='none') * weight).sum() / weight.sum()


def binary_cross_entropy(
    out: Tensor, y: Tensor, weight: Tensor | None = None
) -> Tensor:
    """Mean over all labels ``[rows, labels]`` that are not missing (NaN)."""
    if out.shape != y.shape:
        raise InputError(
            f'The model gives logits {list(out.shape)} for labels {list(y.shape)}.'
        )
    known = ~y.isnan()
    given = out[known], y[known].to(out.dtype)
    if weight is None:
        return F.binary_cross_entropy_with_logits(*given)
    each = F.binary_cross_entropy_with_logits(*given, reduction='none')
    weight = weight.view(-1, 1).expand_as(known)[known]
    return (each * weight).sum() / weight.sum()


# By metric: one class a row, or several labels each of which is a yes or a no.
OBJECTIVES = {
    'accuracy': Objective(cross_entropy, accuracy),
    'roc_auc': Objective(binary_cross_entropy, mean_roc_auc),
    'average_precision': Objective(binary_cross_entropy, mean_average_precision),
    'micro_f1': Objective(binary_cross_entropy, micro_f1),
}


class Labels(NamedTuple):
    """Labels made ready for an objective.

    Attributes:
        y: Classes ``[rows]``, or 0, 1 and NaN ``[rows, labels]``.
        known: Rows with any label ``[rows]``.
        out_channels: Logits a row.
    """

    y: Tensor
    known: Tensor
    out_channels: int


def read_labels(y: Tensor, rows: int, metric: str | None, what: str) -> Labels:
    """Labels as the metric wants them; -1 and NaN are missing.

    Args:
        y: ``[rows]`` or ``[rows, labels]``.
        rows: How many there have to be.
        metric: A key of ``OBJECTIVES``; None for accuracy of a class a row, and for
            ROC-AUC where there are several labels.
        what: What a row is, for errors.

    Raises:
        InputError: If shapes do not fit, the metric is not known, or a label of
            several is neither 0 nor 1.
    """
    if y.dim() not in (1, 2) or y.size(0) != rows or y.numel() == 0:
        raise InputError(
            f'y has to hold one label for each of the {rows} {what} (got shape '
            f'{list(y.shape)}).'
        )
    y = y.view(rows, -1)
    metric = metric or default_metric(y)
    if metric not in OBJECTIVES:
        raise unknown('metric', metric, sorted(OBJECTIVES))
    known = y.isfinite() & (y >= 0)
    if metric == 'accuracy':
        if y.size(1) != 1:
            raise InputError(
                f'Accuracy wants one class for each of the {rows} {what} (y has shape '
                f'{list(y.shape)}); several labels are judged by '
                f'{", ".join(key for key in OBJECTIVES if key != metric)}.'
            )
        classes = torch.where(known, y, 0).long().view(-1)
        return Labels(classes, known.view(-1), int(classes.max()) + 1)
    odd = known & (y != 0) & (y != 1)
    if odd.any():
        row, column = odd.nonzero()[0].tolist()
        raise InputError(
            f'{metric} judges labels of 0 and 1 (y[{row}, {column}] is '
            f'{float(y[row, column])}).'
        )
    several = torch.where(known, y.float(), float('nan'))
    return Labels(several, known.any(dim=1), y.size(1))


def default_metric(y: Tensor) -> str:
    """Accuracy for a class a row, ROC-AUC for several labels."""
    return 'accuracy' if y.dim() == 1 or y.size(1) == 1 else 'roc_auc'
