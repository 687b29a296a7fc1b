"""How many programs an op takes, and how large the block of each one is."""

from __future__ import annotations

from typing import Any

import torch
import triton
import triton.language as tl
from torch import Tensor

CHUNK = 512  # slots; a row with more is shared out among several programs
_WIDTH = 256  # numbers of a dense row that a program takes, unless it needs them all
_LINE = 512  # bytes that a warp reads at once, 16 a thread
_DEPTH = 8  # such reads in flight, which hide the way to memory


def blocks(
    heads: int, features: int, dtype: torch.dtype, whole: bool = False
) -> dict[str, Any]:
    """The compile-time sizes of a kernel over ``[slots, heads, features]``.

    Args:
        heads: Of the dense operands.
        features: Of a head.
        dtype: Of the operands; half types accumulate in float32.
        whole: Whether one program needs all features of a head, for a dot product.
    """
    size = triton.next_power_of_2(max(1, features))
    block_f = size if whole else min(size, _WIDTH)
    block_h = min(triton.next_power_of_2(max(1, heads)), max(1, _WIDTH // block_f))
    width = block_h * block_f
    warps = min(8, max(1, width * dtype.itemsize // _LINE))
    tile = _LINE // dtype.itemsize * _DEPTH * warps
    if whole and dtype != torch.float32:  # wide sums: registers would run out
        tile //= 2
    return {
        # Constants, so that the compiler knows how rows are aligned: 40 classes are
        # read 16 bytes at a time.
        'H': heads,
        'F': features,
        'ACC': tl.float64 if dtype == torch.float64 else tl.float32,
        'CHUNK': CHUNK,
        'BLOCK_K': max(1, min(32, tile // width)),
        'BLOCK_H': block_h,
        'BLOCK_F': block_f,
        'num_warps': warps,
    }


def programs(size: dict[str, Any]) -> int:
    """How many programs share a dense row; without features, its heads."""
    head_blocks = triton.cdiv(size['H'], size['BLOCK_H'])
    return head_blocks * triton.cdiv(max(1, size['F']), size['BLOCK_F'])


def count_pieces(slots: int) -> int:
    """How many pieces of long rows there may be: two in each chunk of slots."""
    return 2 * triton.cdiv(slots, CHUNK) if slots > CHUNK else 0


def by_rows(
    kernel: Any,
    rows: int,
    slots: int,
    size: dict[str, Any],
    *args: Tensor | None,
    **constants: Any,
) -> None:
    """Run a kernel of ``args``, rows, slots and pieces: a program a piece, one a row.

    ``size`` is of :func:`blocks`; where the first of ``args`` is, it runs.
    """
    pieces = count_pieces(slots)
    with torch.cuda.device_of(args[0]):
        kernel[(pieces + rows, programs(size))](
            *args, rows, slots, pieces, **constants, **size
        )


def room_for_pieces(x: Tensor, slots: int, *shape: int) -> Tensor:
    """Empty room for what each piece of a long row adds up to, of this shape."""
    return x.new_empty(count_pieces(slots), *shape, dtype=wide(x.dtype))


def wide(dtype: torch.dtype) -> torch.dtype:
    """The type that sums of this type are held in."""
    return torch.float64 if dtype == torch.float64 else torch.float32


def dense(*tensors: Tensor | None) -> list[Any]:
    """The tensors without strides; gradients arrive expanded or transposed."""
    return [t if t is None else t.contiguous() for t in tensors]
