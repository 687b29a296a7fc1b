from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.nn.conv import SAGEConv
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.base import Layer, ReferenceModel


class SAGE(ReferenceModel):
    """GraphSAGE with the mean (Hamilton et al. 2017), as TEDDY trains it.

    Two bias-free maps a layer; ReLU and dropout after each hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 512,
        num_layers: int = 2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        self.dropout = dropout
        self.convs = torch.nn.ModuleList(
            SAGEConv(*sizes, bias=False) for sizes in self.layer_sizes()
        )

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for conv in self.convs[:-1]:
            x = dropout(conv(x, edge_index).relu(), self.dropout, self.training)
        return self.convs[-1](x, edge_index)

    def layers(self) -> list[Layer]:
        """A conv and ReLU; the last conv alone."""
        hidden = [lambda x, adj, c=conv: c(x, adj).relu() for conv in self.convs[:-1]]
        return [*hidden, self.convs[-1]]

    def propagation_widths(self) -> list[int]:
        """Width into each layer: the mean comes before the map."""
        return [width for width, _ in self.layer_sizes()]
