from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from graphsparse.graph import Adjacency
from graphsparse.nn.conv import GATConv
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.base import Layer, ReferenceModel


class GAT(ReferenceModel):
    """Graph attention network (Velickovic et al. 2018).

    Heads are concatenated, ``heads * hidden_channels`` wide, and the last layer has
    one head; ELU after each hidden layer; dropout on the input of every layer and on
    the attention.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 512,
        num_layers: int = 2,
        dropout: float = 0.6,
        heads: int = 8,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        self.dropout = dropout
        self.heads = heads
        widths = [in_channels] + [heads * hidden_channels] * (num_layers - 1)
        hidden = [
            GATConv(width, hidden_channels, heads, dropout=dropout)
            for width in widths[:-1]
        ]
        last = GATConv(widths[-1], out_channels, concat=False, dropout=dropout)
        self.convs = torch.nn.ModuleList([*hidden, last])

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for conv in self.convs[:-1]:
            x = F.elu(conv(dropout(x, self.dropout, self.training), edge_index))
        x = dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index)

    def layers(self) -> list[Layer]:
        """A conv and ELU; the last conv alone."""
        hidden = [lambda x, adj, c=conv: F.elu(c(x, adj)) for conv in self.convs[:-1]]
        return [*hidden, self.convs[-1]]

    def propagation_widths(self) -> list[int]:
        """All heads of each layer: the map comes before the sum."""
        hidden = [self.heads * self.hidden_channels] * (self.num_layers - 1)
        return [*hidden, self.out_channels]

    def __repr__(self) -> str:
        return f'{super().__repr__()[:-1]}, heads={self.heads})'
