"""Several yes-or-no labels a row, some of them missing; as OGB's evaluators count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphsparse.engine import InputError


def mean_roc_auc(out: Tensor, y: Tensor) -> float:
    """ROC-AUC of each label over the rows that have it, averaged over labels.

    Labels of which there is only one kind are left out. By scikit-learn, as in OGB,
    and so the same to the last bit.

    Args:
        out: Scores ``[rows, labels]``.
        y: 0, 1, or NaN where missing ``[rows, labels]``.

    Returns:
        A fraction; NaN if no label has both kinds, or a score is NaN.
    """
    from sklearn.metrics import roc_auc_score

    return _mean_over_labels(roc_auc_score, out, y)


def mean_average_precision(out: Tensor, y: Tensor) -> float:
    """Average precision of each label, averaged as by :func:`mean_roc_auc`."""
    from sklearn.metrics import average_precision_score

    return _mean_over_labels(average_precision_score, out, y)


def micro_f1(out: Tensor, y: Tensor) -> float:
    """F1 of all labels counted together; a positive logit is a yes.

    Args:
        out: Logits ``[rows, labels]``.
        y: 0, 1, or NaN where missing ``[rows, labels]``.

    Returns:
        2 TP / (2 TP + FP + FN); 0 where there is neither a yes nor a true one.
    """
    _check_shapes(out, y)
    known = ~y.isnan()
    guess, truth = (out > 0)[known], (y == 1)[known]
    both = int((guess & truth).sum())
    total = int(guess.sum()) + int(truth.sum())
    return 2 * both / total if total else 0.0


def _mean_over_labels(
    score: Callable[[Any, Any], float], out: Tensor, y: Tensor
) -> float:
    _check_shapes(out, y)
    if out.isnan().any():
        return float('nan')
    found = []
    guesses, labels = (t.detach().cpu().numpy().T for t in (out, y))
    for guess, label in zip(guesses, labels, strict=True):
        known = ~np.isnan(label)
        if (label[known] == 1).any() and (label[known] == 0).any():
            found.append(float(score(label[known], guess[known])))
    return sum(found) / len(found) if found else float('nan')


def _check_shapes(out: Tensor, y: Tensor) -> None:
    if out.shape != y.shape or y.dim() != 2 or not torch.is_floating_point(y):
        raise InputError(
            'Scores and labels have to be [rows, labels], labels as floats (got shapes '
            f'{list(out.shape)} and {list(y.shape)} of {y.dtype}).'
        )
