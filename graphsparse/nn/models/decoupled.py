from __future__ import annotations

from abc import abstractmethod

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from graphsparse.graph import Adjacency, Operator
from graphsparse.nn.conv.hops import gcn_matrix
from graphsparse.nn.features import Features, apply_linear, dropout
from graphsparse.nn.models.base import ReferenceModel


class Decoupled(ReferenceModel):
    """What nets share that map first and propagate then: any depth, the same weights.

    A perceptron of two layers makes ``out_channels`` of each node's features, with
    dropout on the input of both; ``num_layers`` hops over GCN's normalised graph
    follow, as the subclass has them. ``convs`` is empty.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int,
        num_layers: int,
        dropout: float,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        self.dropout = dropout
        self.convs = torch.nn.ModuleList()
        self.lins = torch.nn.ModuleList(Linear(*ends) for ends in self.layer_sizes())

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Width into and out of the perceptron's two layers."""
        hidden = self.hidden_channels
        return [(self.in_channels, hidden), (hidden, self.out_channels)]

    @abstractmethod
    def propagate(self, matrix: Operator, h: Tensor) -> Tensor:
        """The hops.

        Args:
            matrix: GCN's normalised graph.
            h: What the perceptron made, ``[nodes, out_channels]``.

        Returns:
            ``[nodes, out_channels]``.
        """

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        matrix = gcn_matrix(x, edge_index, edge_weight)
        first, second = self.lins
        h = apply_linear(first, dropout(x, self.dropout, self.training)).relu()
        h = apply_linear(second, dropout(h, self.dropout, self.training))
        return self.propagate(matrix, h)

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for lin in self.lins:
            lin.reset_parameters()  # type: ignore[operator]

    def propagation_widths(self) -> list[int]:
        """Classes in every hop."""
        return [self.out_channels] * self.num_layers
