from __future__ import annotations

from itertools import pairwise
from typing import Literal, get_args

from torch import Tensor
from torch_geometric import nn as pyg

from graphsparse.engine.find import unknown
from graphsparse.graph import Adjacency
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.deep import DeepGCN

Jump = Literal['cat', 'max', 'lstm']


class JKNet(DeepGCN):
    """GCN whose output reads all layers (jumping knowledge networks).

    :class:`torch_geometric.nn.JumpingKnowledge` over the hidden layers, then a linear
    map (Xu et al., "Representation Learning on Graphs with Jumping Knowledge
    Networks", ICML 2018).

    Args:
        jump: Side by side (``'cat'``), the largest (``'max'``), or weighed by an LSTM.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 16,
        num_layers: int = 6,
        dropout: float = 0.5,
        jump: Jump = 'cat',
    ) -> None:
        if jump not in get_args(Jump):
            raise unknown('jump', jump, list(get_args(Jump)))
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        self.jump = pyg.JumpingKnowledge(jump, hidden_channels, num_layers)
        joined = hidden_channels * (num_layers if jump == 'cat' else 1)
        self.read_out = pyg.Linear(joined, out_channels)

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Width into and out of each conv; the read-out comes after all of them."""
        hidden = [self.hidden_channels] * self.num_layers
        return list(pairwise([self.in_channels, *hidden]))

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        layers = []
        for conv in self.convs:
            x = dropout(x, self.dropout, self.training)
            x = conv(x, edge_index, edge_weight).relu()
            layers.append(x)
        return self.read_out(self.jump(layers))

    def reset_parameters(self) -> None:
        """Draw all parameters anew, the read-out's too."""
        super().reset_parameters()
        self.jump.reset_parameters()
        self.read_out.reset_parameters()
