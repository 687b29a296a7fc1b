from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor
from torch.nn import Module

from graphsparse.engine import InputError


class HopNet(Module, ABC):
    """A net that learns on propagated features, each node by itself.

    Args:
        in_channels: Features of a node in each hop.
        out_channels: Classes.
        num_hops: Hops beyond the features themselves.
        hidden_channels: Width of the hidden layers.
        dropout: After each hidden layer.

    Raises:
        InputError: If a size is out of range.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_hops: int,
        hidden_channels: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        for name, value, low in (
            ('in_channels', in_channels, 1),
            ('out_channels', out_channels, 1),
            ('num_hops', num_hops, 0),
            ('hidden_channels', hidden_channels, 1),
        ):
            if value < low:
                raise InputError(f'{name} has to be at least {low} (got {value}).')
        if not 0 <= dropout < 1:
            raise InputError(f'dropout has to be in [0, 1) (got {dropout}).')
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.num_hops = num_hops
        self.hidden_channels = hidden_channels
        self.dropout = dropout

    @abstractmethod
    def forward(self, hops: Tensor) -> Tensor:
        """Logits of some nodes.

        Args:
            hops: ``[nodes, num_hops + 1, in_channels]``, the features first.

        Returns:
            ``[nodes, out_channels]``.
        """

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.in_channels}, {self.out_channels}, '
            f'num_hops={self.num_hops}, hidden_channels={self.hidden_channels})'
        )
