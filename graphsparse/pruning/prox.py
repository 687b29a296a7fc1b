from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.kernels import global_topk


def prox_groups(
    norms: Tensor, k: int, strength: float, weights: Tensor | None = None
) -> Tensor:
    r"""Factors of the proximal step towards at most ``k`` groups of weights.

    The penalty is the squared k-support norm over groups, the convex envelope of
    "half the squared norm, where at most k groups are not 0":

    .. math::
        S_k(w) = \tfrac{1}{2} \min_u \sum_j \frac{d_j \|w_j\|^2}{u_j},
        \qquad 0 \le u_j \le 1, \quad \sum_j u_j \le k

    Its proximal operator with factor :math:`\lambda` scales group j by
    :math:`u_j / (u_j + \lambda d_j)`, where
    :math:`u_j = \mathrm{clip}(\eta \sqrt{d_j} \|w_j\| - \lambda d_j, 0, 1)` and
    :math:`\eta` makes the sum k. A group with :math:`u_j = 0` is gone at once. As
    :math:`\lambda` grows, u tends to the indicator of the k largest norms (for equal
    weights) and the operator to their selection, up to a common shrinkage.

    Argyriou, Foygel & Srebro, "Sparse Prediction with the k-Support Norm", NeurIPS
    2012, for single weights.

    Args:
        norms: Euclidean norm of every group, ``[groups]``, finite.
        k: How many groups may stay, ``0 <= k <= groups``.
        strength: Factor :math:`\lambda`, at least 0; infinity selects the k largest
            and shrinks nothing.
        weights: Of the groups, :math:`d_j > 0`; 1 by default.

    Returns:
        Factors in [0, 1], float64 ``[groups]``.

    Raises:
        InputError: If a number is out of range.
    """
    if not 0 <= k <= norms.numel():
        raise InputError(f'k has to be between 0 and {norms.numel()} (got {k}).')
    if not strength >= 0:
        raise InputError(f'strength has to be at least 0 (got {strength}).')
    norms = norms.double()
    if strength == float('inf') and weights is None:
        return global_topk(norms, k).double()
    d = torch.ones_like(norms) if weights is None else weights.double()
    if d.shape != norms.shape or not bool((d > 0).all()):
        raise InputError(f'weights have to be positive, one a group (got {weights}).')
    if strength == 0:
        return torch.ones_like(norms)
    if strength == float('inf'):
        raise InputError('An infinite strength takes no weights: leave them out.')
    slope, offset = d.sqrt() * norms, strength * d
    u = _shares(slope, offset, k)
    return u / (u + offset)


def _shares(slope: Tensor, offset: Tensor, k: int) -> Tensor:
    """``clip(eta * slope - offset, 0, 1)`` with the eta at which they sum to ``k``.

    The sum is piecewise linear in eta and never falls. The two ends of its piece are
    found by bisection among the bends; on the piece the equation is linear.
    """
    alive = slope > 0
    if k >= int(alive.sum()):
        return alive.to(slope.dtype)

    def shares(eta: Tensor) -> Tensor:
        return (eta * slope - offset).clamp(0, 1)

    lines = slope[alive], offset[alive]
    bends = torch.cat([lines[1] / lines[0], (lines[1] + 1) / lines[0]]).sort().values
    low, high = 0, bends.numel() - 1  # sums 0 and all: k is between
    while high - low > 1:
        middle = (low + high) // 2
        below = bool(shares(bends[middle]).sum() <= k)
        low, high = (middle, high) if below else (low, middle)
    first, last = shares(bends[low]), shares(bends[high])
    start, end = first.sum(), last.sum()
    # Linear between two bends, so the shares themselves may be interpolated: exact
    # in sum, also where many norms are equal.
    part = (k - start) / (end - start) if end > start else end.new_zeros(())
    return torch.lerp(first, last, part)
