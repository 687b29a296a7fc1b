from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels import reference
from graphsparse.kernels.native import native_call, threads_for


def kth_value(score: Tensor, k: int) -> Tensor:
    """The ``k``-th smallest entry: the value of ``torch.kthvalue``, in linear time.

    Bit for bit, but that the sign of a zero is always plus.

    Args:
        score: Any shape, no NaN.
        k: Its rank, ``1 <= k <= score.numel()``.

    Returns:
        A number, ``[]``, of the type of ``score``; no gradient flows through it.

    Raises:
        ValueError: If ``k`` is out of range or a score is NaN.
    """
    flat = score.detach().reshape(-1)
    if not 1 <= k <= flat.numel():
        raise ValueError(f'k has to be between 1 and {flat.numel()} (got {k})')
    value = flat.new_empty(())
    if _run('kth_value', flat, value, k):
        return value
    return reference.kth_value(flat, k)


def global_topk(score: Tensor, k: int) -> Tensor:
    """Mark the ``k`` largest entries; among equals the earlier ones are marked.

    Linear in time.

    Args:
        score: Any shape, no NaN.
        k: How many, ``0 <= k <= score.numel()``.

    Returns:
        Boolean mask of the shape of ``score`` with exactly ``k`` True.

    Raises:
        ValueError: If ``k`` is out of range or a score is NaN.
    """
    flat = score.detach().reshape(-1)
    if not 0 <= k <= flat.numel():
        raise ValueError(f'k has to be between 0 and {flat.numel()} (got {k})')
    if k == 0 or k == flat.numel():
        reference.refuse_nan(flat)
        return torch.full_like(score, k > 0, dtype=torch.bool)
    mask = torch.empty_like(flat, dtype=torch.bool)
    if not _run('topk_mask', flat, mask, k):
        mask = reference.topk_mask(flat, k)
    return mask.view(score.shape)


def _run(op: str, flat: Tensor, out: Tensor, k: int) -> bool:
    """Fill ``out`` natively; whether it was."""
    if flat.device.type != 'cpu':
        return False
    fine, size = torch.empty(1, dtype=torch.int64), flat.numel()
    if not native_call(op, (flat.dtype,), flat, out, fine, size, k, threads_for(size)):
        return False
    if not fine:
        raise ValueError('a score is NaN')
    return True


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
