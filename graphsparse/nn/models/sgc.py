from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from graphsparse.graph import Adjacency
from graphsparse.nn.conv.hops import gcn_matrix, hop
from graphsparse.nn.features import Features, apply_linear, dropout
from graphsparse.nn.models.base import ReferenceModel


class SGC(ReferenceModel):
    r"""Simple graph convolution: one linear map and K hops, nothing between.

    :math:`\hat A^K X W + b` (Wu et al., "Simplifying Graph Convolutional Networks",
    ICML 2019), the map first. ``num_layers`` is K; there is no hidden layer, so
    ``hidden_channels`` changes nothing.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 2,
        dropout: float = 0.0,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        self.dropout = dropout
        self.convs = torch.nn.ModuleList()
        self.lin = Linear(in_channels, out_channels)

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Width into and out of the one map."""
        return [(self.in_channels, self.out_channels)]

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        matrix = gcn_matrix(x, edge_index, edge_weight)
        x = dropout(x, self.dropout, self.training)
        h = apply_linear(self.lin, x, bias=False)
        for _ in range(self.num_layers):
            h = hop(matrix, h)
        return h + self.lin.bias

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        self.lin.reset_parameters()

    def propagation_widths(self) -> list[int]:
        """Classes in every hop."""
        return [self.out_channels] * self.num_layers
