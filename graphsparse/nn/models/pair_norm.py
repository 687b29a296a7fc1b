from __future__ import annotations

from torch import Tensor
from torch_geometric import nn as pyg

from graphsparse.graph import Adjacency
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.deep import DeepGCN


class PairNorm(DeepGCN):
    """GCN whose hidden layers keep the mean distance between nodes.

    :class:`torch_geometric.nn.PairNorm` stands between each hidden conv and its ReLU
    (Zhao & Akoglu, "PairNorm: Tackling Oversmoothing in GNNs", ICLR 2020).

    Args:
        scale: s, what the distance is.
        scale_individually: Every node has length s (PN-SI), rather than all in the
            mean.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 2,
        dropout: float = 0.6,
        scale: float = 1.0,
        scale_individually: bool = False,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        self.norm = pyg.PairNorm(scale, scale_individually)

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for conv in self.convs[:-1]:
            x = dropout(x, self.dropout, self.training)
            x = self.norm(conv(x, edge_index, edge_weight)).relu()
        x = dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index, edge_weight)
