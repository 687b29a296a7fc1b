from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F


def pack_bits(mask: Tensor) -> Tensor:
    """A boolean tensor as one bit an entry, uint8 ``[ceil(entries / 8)]``.

    Entry e is bit ``7 - e % 8`` of byte ``e // 8``, as ``numpy.packbits`` has it.

    Raises:
        ValueError: If it is not boolean.
    """
    if mask.dtype != torch.bool:
        raise ValueError(f'A mask has to be boolean (got {mask.dtype}).')
    flat = mask.reshape(-1).to(torch.uint8)
    padded = F.pad(flat, (0, -flat.numel() % 8)).view(-1, 8)
    return (padded << _places(mask)).sum(1, dtype=torch.uint8)


def unpack_bits(bits: Tensor, shape: tuple[int, ...]) -> Tensor:
    """The boolean tensor that :func:`pack_bits` packed.

    Raises:
        ValueError: If there are more or fewer bits than the shape takes.
    """
    size = math.prod(shape)
    if bits.dtype != torch.uint8 or bits.shape != ((size + 7) // 8,):
        raise ValueError(
            f'{size} bits have to be uint8 [{(size + 7) // 8}] '
            f'(got {bits.dtype} of shape {list(bits.shape)}).'
        )
    mask = (bits.unsqueeze(1) >> _places(bits)) & 1
    return mask.view(-1)[:size].bool().view(shape)


def _places(like: Tensor) -> Tensor:
    return torch.arange(7, -1, -1, dtype=torch.uint8, device=like.device)
