from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from torch import Tensor
from torch.func import functional_call
from torch.nn import Module


class Reparametrized(Module, ABC):
    """A net whose weights are made anew in every forward pass: masked, scored, scaled.

    No hooks and no surgery: the net inside keeps its parameters, and a subclass holds
    what the weights are made of as its own parameters and buffers. So a training, a
    checkpoint and the choice of the best epoch treat masks and scores like all else.

    Args:
        net: The net; used as it is, not copied.
    """

    def __init__(self, net: Module) -> None:
        super().__init__()
        self.net = net

    @abstractmethod
    def weights(self) -> Mapping[str, Tensor]:
        """The parameters of ``net`` to run it with, by name; others stay as they are.

        Called in every forward pass; gradients flow through it.
        """

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The net under :meth:`weights`."""
        return functional_call(self.net, dict(self.weights()), args, kwargs)
