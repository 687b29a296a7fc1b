from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.nn.conv import GINConv
from graphsparse.nn.features import Features
from graphsparse.nn.models.base import Layer, ReferenceModel


class GIN(ReferenceModel):
    """Graph isomorphism network (Xu et al. 2019), as TEDDY trains it.

    Sum aggregation, trainable epsilon, one bias-free map a layer, ReLU after every
    layer, no dropout. The logits are the mean of the last layer and a linear read-out
    of the one before. With the defaults 740,866 parameters on Cora.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 512,
        num_layers: int = 2,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        sizes = self.layer_sizes()
        self.convs = torch.nn.ModuleList(
            GINConv(torch.nn.Linear(*ends, bias=False), train_eps=True)
            for ends in sizes
        )
        self.read_out = torch.nn.Linear(sizes[-1][0], out_channels, bias=False)

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for conv in self.convs[:-1]:
            x = conv(x, edge_index).relu()
        return (self.read_out(x) + self.convs[-1](x, edge_index).relu()) / 2

    def reset_parameters(self) -> None:
        """Draw all parameters anew, the read-out's too."""
        super().reset_parameters()
        self.read_out.reset_parameters()

    def layers(self) -> list[Layer]:
        """A conv and ReLU; the last with the read-out of its own input."""
        hidden = [lambda x, adj, c=conv: c(x, adj).relu() for conv in self.convs[:-1]]
        last = self.convs[-1]
        return [*hidden, lambda x, adj: (self.read_out(x) + last(x, adj).relu()) / 2]

    def propagation_widths(self) -> list[int]:
        """Width into each layer: the sum comes before the map."""
        return [width for width, _ in self.layer_sizes()]
