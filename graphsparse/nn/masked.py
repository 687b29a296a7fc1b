from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.nn.reparametrized import Reparametrized
from graphsparse.pruning import zero_pruned


class MaskedNet(Reparametrized):
    """A net with masks of its weights that may change while it is trained.

    In evaluation mode it runs under its masks, so every epoch is judged as the sparse
    net it would be if chosen. In training mode it runs on its raw weights, all of
    which get gradients; what is pruned then is up to the method, which sets weights
    to 0 after a step, or overrides :meth:`weights`.

    Masks and steps are buffers: they are in a checkpoint, and in the state of the
    best epoch.

    Args:
        net: The net; used as it is, not copied.
        keep: By name of a parameter, booleans of its shape, True = kept.

    Attributes:
        step: How many optimiser steps it has seen, a tensor without dimensions.
    """

    step: Tensor

    def __init__(self, net: Module, keep: Mapping[str, Tensor]) -> None:
        super().__init__(net)
        self.names = list(keep)
        self.masks = Module()
        for name, mask in keep.items():
            device = net.get_parameter(name).device
            self.masks.register_buffer(_buffer(name), mask.clone().to(device))
        self.register_buffer('step', torch.zeros((), dtype=torch.int64))

    def raw(self) -> dict[str, Tensor]:
        """The net's own parameters of the masked names."""
        return {name: self.net.get_parameter(name) for name in self.names}

    @property
    def keep(self) -> dict[str, Tensor]:
        """The masks by name."""
        return {name: self.masks.get_buffer(_buffer(name)) for name in self.names}

    def set_keep(self, keep: Mapping[str, Tensor]) -> None:
        """Other masks, copied into the buffers."""
        for name, mask in keep.items():
            self.masks.get_buffer(_buffer(name)).copy_(mask)

    def support(self) -> dict[str, Tensor]:
        """The masks to evaluate under, which a ticket takes: :attr:`keep`."""
        return self.keep

    @torch.no_grad()
    def clear(self) -> None:
        """Set the weights that are masked to 0, in place."""
        zero_pruned(self.net, self.keep)

    def weights(self) -> Mapping[str, Tensor]:
        """Raw in training mode, under the masks in evaluation mode."""
        if self.training:
            return {}
        raw = self.raw()
        return {n: raw[n].masked_fill(~mask, 0) for n, mask in self.support().items()}


def _buffer(name: str) -> str:
    return name.replace('.', '/')  # torch allows no dots in there
