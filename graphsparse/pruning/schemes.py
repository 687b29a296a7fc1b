"""Initial weights as a function of a seed and a name alone, on every torch."""

from __future__ import annotations

import hashlib
import math
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.engine.find import unknown
from graphsparse.kernels.streams import fold, step_key, uniform
from graphsparse.pruning.prunable import is_attention

Scheme = Literal[
    'kaiming_uniform', 'kaiming_normal', 'signed_constant', 'xavier_uniform'
]


def check_scheme(scheme: str) -> None:
    """InputError unless ``scheme`` is one of those known."""
    if scheme not in get_args(Scheme):
        raise unknown('initialisation', scheme, list(get_args(Scheme)))


def draw_weight(shape: torch.Size, scheme: Scheme, seed: int, name: str) -> Tensor:
    r"""One tensor of initial weights, the same on every machine and torch.

    With the fan in :math:`f` (entries an output reads): uniform in
    :math:`\pm\sqrt{6/f}`, normal of deviation :math:`\sqrt{2/f}`, or
    :math:`\pm\sqrt{2/f}` with fair signs (He et al. 2015; Ramanujan et al. 2020), or
    uniform in :math:`\pm\sqrt{6/(f + f_{out})}` (Glorot & Bengio 2010).

    Args:
        shape: ``[out, in]``, or an attention vector's ``[1, heads, channels]``.
        scheme: Which.
        seed: Of the whole net.
        name: The parameter's: tensors of different names are independent.

    Returns:
        float32 of that shape.
    """
    check_scheme(scheme)
    size, fan_out = shape.numel(), shape[0]
    fan_in = size // max(fan_out, 1)
    stream = _stream(size, seed, name)
    first = uniform(stream, 0)
    if scheme == 'kaiming_normal':
        radius = (-2 * (1 - first).log()).sqrt()
        drawn = radius * (2 * math.pi * uniform(stream, 1)).cos() * _scale(2, fan_in)
    elif scheme == 'signed_constant':
        drawn = torch.where(first < 0.5, -1.0, 1.0) * _scale(2, fan_in)
    else:
        fan = fan_in if scheme == 'kaiming_uniform' else fan_in + fan_out
        drawn = (2 * first - 1) * _scale(6, fan)
    return drawn.float().view(shape)


def draw_uniform(shape: torch.Size, seed: int, name: str, draw: int = 0) -> Tensor:
    """Uniform numbers in [0, 1), a function of seed, name and ``draw`` alone.

    Independent of :func:`draw_weight`'s of the same seed and name, so that a random
    mask knows nothing of the weights.

    Args:
        shape: Any.
        seed: Of the whole net.
        name: Of the parameter: tensors of different names are independent.
        draw: Which of many draws for the same parameter.

    Returns:
        float64 of that shape.
    """
    stream = _stream(shape.numel(), seed, f'uniform/{name}')
    return uniform(stream, draw).view(shape)


def _stream(size: int, seed: int, name: str) -> Tensor:
    label = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7], 'big')
    return fold(step_key(seed, label), torch.arange(size))


def _scale(gain: float, fan: int) -> float:
    return math.sqrt(gain / max(fan, 1))


@torch.no_grad()
def redraw(model: Module, scheme: Scheme, seed: int) -> None:
    """Set all parameters anew, in place: a function of names, shapes and the seed.

    Matrices and attention vectors by :func:`draw_weight`, the scales of norms to 1,
    biases and whatever else to 0. Buffers stay.
    """
    for name, parameter in model.named_parameters():
        if parameter.dim() == 2 or is_attention(parameter):
            parameter.copy_(draw_weight(parameter.shape, scheme, seed, name))
        elif parameter.dim() == 1 and name.rpartition('.')[2] == 'weight':
            parameter.fill_(1)
        else:
            parameter.zero_()
