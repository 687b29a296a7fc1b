from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor


class Pattern(NamedTuple):
    """Where the non-zeros of a sparse matrix are, by rows and by columns.

    Slot ``k`` of row ``i``, ``rowptr[i] <= k < rowptr[i + 1]``, stands in column
    ``col[k]`` and takes entry ``perm[k]`` of whatever values go with the pattern
    (entry ``k`` where ``perm`` is None). The ``t_`` fields say the same of the
    transpose, over the same values; gradients need them, plain inference does not.

    Shapes: ``rowptr`` int64 ``[rows + 1]``; ``col`` and ``perm`` int32 or int64
    ``[slots]``; ``t_rowptr`` int64 ``[columns + 1]``. Nothing is checked here:
    a pattern comes from a checked ``Adjacency``.
    """

    rowptr: Tensor
    col: Tensor
    perm: Tensor | None = None
    t_rowptr: Tensor | None = None
    t_col: Tensor | None = None
    t_perm: Tensor | None = None

    def transpose(self) -> Pattern:
        """The pattern of the transposed matrix, over the same values."""
        if self.t_rowptr is None or self.t_col is None:
            raise ValueError('This pattern was made without its transpose.')
        return Pattern(
            self.t_rowptr, self.t_col, self.t_perm, self.rowptr, self.col, self.perm
        )


def row_ids(rowptr: Tensor, num_slots: int) -> Tensor:
    """The row of every slot, int64 ``[slots]``."""
    rows = torch.arange(rowptr.numel() - 1, device=rowptr.device)
    return torch.repeat_interleave(rows, rowptr.diff(), output_size=num_slots)
