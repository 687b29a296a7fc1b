from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.nn.conv import GCNConv
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.base import Layer, ReferenceModel


class GCN(ReferenceModel):
    """Graph convolutional network (Kipf & Welling 2017), as UGS and TEDDY train it.

    No bias; ReLU and dropout after each hidden layer. With the defaults 737,280
    parameters on Cora.
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
            GCNConv(*sizes, bias=False) for sizes in self.layer_sizes()
        )

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for conv in self.convs[:-1]:
            x = conv(x, edge_index, edge_weight).relu()
            x = dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index, edge_weight)

    def layers(self) -> list[Layer]:
        """A conv and ReLU; the last conv alone."""
        hidden = [lambda x, adj, c=conv: c(x, adj).relu() for conv in self.convs[:-1]]
        return [*hidden, self.convs[-1]]

    def propagation_widths(self) -> list[int]:
        """Hidden width in every layer, the last one too: so the papers count."""
        return [self.hidden_channels] * self.num_layers
