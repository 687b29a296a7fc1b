from __future__ import annotations

import torch
from torch import Tensor


def global_topk(score: Tensor, k: int) -> Tensor:
    """Mark the ``k`` largest entries; among equals the earlier ones are marked.

    Linear in time: one ``kthvalue`` and one running count of the ties.

    Args:
        score: Any shape, no NaN.
        k: How many, ``0 <= k <= score.numel()``.

    Returns:
        Boolean mask of the shape of ``score`` with exactly ``k`` True.

    Raises:
        ValueError: If ``k`` is out of range or a score is NaN.
    """
    flat = score.reshape(-1)
    if not 0 <= k <= flat.numel():
        raise ValueError(f'k has to be between 0 and {flat.numel()} (got {k})')
    if flat.isnan().any():
        raise ValueError('a score is NaN')
    if k == 0 or k == flat.numel():
        return torch.full_like(score, k > 0, dtype=torch.bool)
    threshold = flat.kthvalue(flat.numel() - k + 1).values
    above, equal = flat > threshold, flat == threshold
    room = k - int(above.sum())
    return (above | (equal & (equal.cumsum(0) <= room))).view(score.shape)


def compact(rowptr: Tensor, col: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """A CSR without the slots that ``mask`` leaves out.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        col: Columns, ``[slots]``.
        mask: Boolean ``[slots]``, True = kept.

    Returns:
        ``(rowptr, col, slot)`` of what is kept; ``slot`` int64 is where each one
        stood before.
    """
    slot = mask.nonzero().squeeze(1)
    before = torch.zeros(mask.numel() + 1, dtype=torch.int64, device=mask.device)
    torch.cumsum(mask, 0, out=before[1:])
    return before[rowptr], col[slot], slot
