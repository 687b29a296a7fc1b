from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from graphsparse.kernels.native import native_call


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


def transpose_csr(
    rowptr: Tensor, col: Tensor, num_cols: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and slots of the transpose: ``(t_rowptr, t_col, t_perm)``.

    ``t_perm[k]`` is the slot of the given matrix that stands at slot ``k`` of the
    transpose. Within a transposed row the given row order is kept.

    Raises:
        ValueError: If a column is not below ``num_cols``.
    """
    largest = int(col.max()) if col.numel() else -1
    if largest >= num_cols or num_cols < 0:
        raise ValueError(f'There is no column {largest} among {num_cols}.')
    t_rowptr = rowptr.new_empty(num_cols + 1)
    t_col, t_perm = torch.empty_like(col), torch.empty_like(col)
    if col.device.type == 'cpu' and native_call(
        'transpose',
        (col.dtype,),
        *(rowptr, col, t_rowptr, t_col, t_perm),
        rowptr.numel() - 1,
        num_cols,
    ):
        return t_rowptr, t_col, t_perm
    t_perm = torch.argsort(col, stable=True)
    t_rowptr = torch.zeros(num_cols + 1, dtype=torch.int64, device=col.device)
    torch.cumsum(torch.bincount(col, minlength=num_cols), 0, out=t_rowptr[1:])
    t_col = row_ids(rowptr, col.numel())[t_perm]
    return t_rowptr, t_col.to(col.dtype), t_perm.to(col.dtype)
