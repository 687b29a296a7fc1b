from __future__ import annotations

import torch
from torch import Tensor


def select_n_m(score: Tensor, n: int, m: int) -> Tensor:
    """The ``n`` highest of every ``m`` consecutive scores of a row.

    What a row holds beyond the last whole block is kept: 1433 inputs in blocks of 4
    leave one column dense.

    Args:
        score: ``[out, in]``, as torch stores a linear map's weight; no NaN.
        n: How many of a block are kept; of equals the first.
        m: Length of a block.

    Returns:
        Boolean mask of the same shape.
    """
    keep = torch.ones_like(score, dtype=torch.bool)
    whole = score.size(1) - score.size(1) % m
    blocks = score[:, :whole].reshape(score.size(0), -1, m)
    order = blocks.argsort(dim=-1, descending=True, stable=True)
    best = torch.zeros_like(blocks, dtype=torch.bool)
    best.scatter_(-1, order[..., :n], True)
    keep[:, :whole] = best.view(score.size(0), whole)
    return keep
