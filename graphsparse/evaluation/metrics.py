from __future__ import annotations

from torch import Tensor


def accuracy(out: Tensor, y: Tensor) -> float:
    """Share of rows whose largest entry is the label.

    Args:
        out: Logits ``[rows, classes]``.
        y: Labels ``[rows]``.

    Returns:
        A fraction; NaN without rows.
    """
    hits = int((out.argmax(dim=-1) == y).sum())
    return hits / y.numel() if y.numel() else float('nan')
