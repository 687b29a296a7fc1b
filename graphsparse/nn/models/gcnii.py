from __future__ import annotations

import math

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn.conv.hops import gcn_matrix, hop
from graphsparse.nn.features import Features, apply_linear, as_dense, dropout
from graphsparse.nn.models.base import ReferenceModel, check_shares


class GCNII(ReferenceModel):
    r"""GCN with initial residuals and identity maps, trainable at any depth.

    :math:`H_{l+1} = \mathrm{ReLU}\big(((1 - \alpha) \hat A H_l + \alpha H_0)
    ((1 - \beta_l) I + \beta_l W_l)\big)` with :math:`\beta_l = \log(\theta / l + 1)`
    between two linear maps (Chen et al., "Simple and Deep Graph Convolutional
    Networks", ICML 2020). Dropout on the input of every layer. The defaults are those
    for Cora, where the paper trains the convs with weight decay 0.01 and the rest with
    5e-4.

    Args:
        alpha: Share of the first layer in each.
        theta: How far the maps are from the identity; the paper's lambda.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 64,
        dropout: float = 0.6,
        alpha: float = 0.1,
        theta: float = 0.5,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        check_shares(alpha=alpha)
        if not 0 <= theta < math.inf:
            raise InputError(f'theta has to be a number from 0 on (got {theta}).')
        self.dropout = dropout
        self.alpha = alpha
        self.theta = theta
        self.read_in = Linear(in_channels, hidden_channels)
        square = (hidden_channels, hidden_channels)
        self.convs = torch.nn.ModuleList(
            Linear(*square, bias=False, weight_initializer='glorot')
            for _ in range(num_layers)
        )
        self.read_out = Linear(hidden_channels, out_channels)

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Width into and out of each map, those before and after the hops too."""
        hidden = self.hidden_channels
        inner = [(hidden, hidden)] * self.num_layers
        return [(self.in_channels, hidden), *inner, (hidden, self.out_channels)]

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        matrix = gcn_matrix(x, edge_index, edge_weight)
        x = dropout(x, self.dropout, self.training)
        h = first = apply_linear(self.read_in, x).relu()
        for layer, conv in enumerate(self.convs, start=1):
            h = as_dense(dropout(h, self.dropout, self.training))
            h = hop(matrix, h)
            h = (1 - self.alpha) * h + self.alpha * first
            beta = math.log(self.theta / layer + 1)
            h = torch.lerp(h, conv(h), beta).relu()
        return apply_linear(self.read_out, dropout(h, self.dropout, self.training))

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        super().reset_parameters()
        self.read_in.reset_parameters()
        self.read_out.reset_parameters()

    def propagation_widths(self) -> list[int]:
        """Hidden width in every layer."""
        return [self.hidden_channels] * self.num_layers
