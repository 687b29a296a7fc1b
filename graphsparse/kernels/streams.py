"""Random numbers by counting: each a function of its place, whoever asks, and when.

A stream is keyed by ``(seed, step, id)`` and holds numbers 0, 1, 2, ...; so a draw does
not depend on the number of threads or workers, nor on what else is in a batch. The
generator is splitmix64 (Steele, Lea & Flood, OOPSLA 2014), in 64 bits that wrap.
"""

from __future__ import annotations

import torch
from torch import Tensor


def _signed(number: int) -> int:
    return (number + 2**63) % 2**64 - 2**63


_GOLDEN = _signed(0x9E3779B97F4A7C15)
_FIRST = _signed(0xBF58476D1CE4E5B9)
_SECOND = _signed(0x94D049BB133111EB)


def _shift(z: Tensor, by: int) -> Tensor:
    return (z >> by) & (2 ** (64 - by) - 1)


def _mix(z: Tensor) -> Tensor:
    z = (z ^ _shift(z, 30)) * _FIRST
    z = (z ^ _shift(z, 27)) * _SECOND
    return z ^ _shift(z, 31)


def fold(key: Tensor | int, ids: Tensor) -> Tensor:
    """The key of each id's stream under a key, int64 of the shape of ``ids``."""
    return _mix((ids ^ key) + _GOLDEN)


def step_key(seed: int, step: int) -> int:
    """The key of one step (a hop, a step of a walk) of a seed, any integer."""
    seeded = fold(0, torch.tensor(_signed(int(seed))))
    return int(fold(seeded, torch.tensor(step)))


def draw_bits(key: Tensor, draw: Tensor | int, bits: int) -> Tensor:
    """The first ``bits`` of number ``draw`` of each stream, int64 (``bits`` < 64)."""
    place = torch.as_tensor(draw, device=key.device) + 1
    return _shift(_mix(key + place * _GOLDEN), 64 - bits)


def uniform(key: Tensor, draw: Tensor | int) -> Tensor:
    """Number ``draw`` of each stream: float64 in [0, 1), 53 random bits."""
    return draw_bits(key, draw, 53).double() * 2.0**-53
