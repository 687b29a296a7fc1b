from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError


@torch.no_grad()
def effective_rank(h: Tensor) -> float:
    r"""How many directions features use: from 1 for one line to ``h``'s width.

    :math:`\exp(-\sum_k p_k \log p_k)` of the singular values over their sum,
    :math:`p_k = \sigma_k / \sum_j \sigma_j`. Roy & Vetterli, "The effective rank: a
    measure of effective dimensionality", EUSIPCO 2007.

    Args:
        h: ``[nodes, features]``, of any scale.

    Returns:
        0 where all is 0; NaN where a feature is not finite.

    Raises:
        InputError: If ``h`` is no matrix of floats.
    """
    if h.dim() != 2 or not h.is_floating_point():
        raise InputError(
            'h has to hold floats of shape [nodes, features] (got '
            f'{h.dtype} of shape {list(h.shape)}).'
        )
    if not h.isfinite().all():
        return float('nan')
    if not h.any():
        return 0.0
    h = h.double()
    sigma = torch.linalg.svdvals(h / h.abs().max())
    share = sigma / sigma.sum()
    return float(torch.special.entr(share).sum().exp())
