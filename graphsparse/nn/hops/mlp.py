from __future__ import annotations

from torch import Tensor
from torch_geometric.nn import MLP as Perceptron

from graphsparse.nn.hops.base import HopNet


class MLP(HopNet):
    """A perceptron of the first hop, the features alone: what hops are compared with.

    Linear, batch normalisation, ReLU, dropout; the last layer is linear alone. It is
    the base of Correct and Smooth, and EnGCN's learner on the hop it is given.

    Args:
        num_layers: Linear maps.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_hops: int = 0,
        hidden_channels: int = 256,
        dropout: float = 0.5,
        num_layers: int = 3,
    ) -> None:
        super().__init__(in_channels, out_channels, num_hops, hidden_channels, dropout)
        hidden = [hidden_channels] * (num_layers - 1)
        self.layers = Perceptron([in_channels, *hidden, out_channels], dropout=dropout)

    def forward(self, hops: Tensor) -> Tensor:  # noqa: D102
        return self.layers(hops[:, 0])
