from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels.check import check_ids, check_slots
from graphsparse.kernels.draw import draw


def random_walk(
    rowptr: Tensor,
    col: Tensor,
    start: Tensor,
    length: int,
    *,
    seed: int,
    weight: Tensor | None = None,
) -> Tensor:
    """Random walks along the rows of a square CSR, from a row to one of its columns.

    Where rows are targets that is against the arcs: give the transpose to walk along
    them. Step ``t`` of walk ``w`` depends on ``(seed, t, w)`` and where it stands
    alone, not on the number of threads.

    Args:
        rowptr: Row ends, int64 ``[nodes + 1]``.
        col: Columns, int32 or int64 ``[slots]``.
        start: Where each walk starts, ``[walks]``; a node may stand there often.
        length: Steps of a walk, at least 0.
        seed: Any integer.
        weight: Finite, at least 0, ``[slots]``: steps are drawn in proportion to it.

    Returns:
        The nodes of each walk, int64 ``[walks, length + 1]``. A walk stays at a node
        with no way out.

    Raises:
        ValueError: If a start or the length is out of range, or a weight that was
            looked at is not valid.
    """
    here = check_ids('start', start, rowptr)
    check_slots('weight', weight, col)
    if length < 0:
        raise ValueError(f'length has to be at least 0 (got {length}).')
    walk = torch.arange(here.numel(), device=here.device)
    steps = [here]
    for step in range(length):
        drawn = draw(
            rowptr, col, here, 1, seed=seed, step=step, stream=walk, weight=weight
        )
        check_ids('col', drawn.found, rowptr)
        here = here.masked_scatter(drawn.ends.diff() > 0, drawn.found)
        steps.append(here)
    return torch.stack(steps, dim=1)
