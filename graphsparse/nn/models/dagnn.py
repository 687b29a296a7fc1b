from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.nn import Linear

from graphsparse.graph import Operator
from graphsparse.nn.conv.hops import hop
from graphsparse.nn.models.decoupled import Decoupled


class DAGNN(Decoupled):
    r"""Every node weighs the hops for itself (deep adaptive GNN).

    :math:`\sum_k \sigma(\hat A^k Z s) \hat A^k Z` over :math:`k = 0 \ldots K`, one
    learned s for all (Liu et al., "Towards Deeper Graph Neural Networks", KDD 2020,
    equation 8).
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 10,
        dropout: float = 0.8,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        self.gate = Linear(out_channels, 1)

    def propagate(self, matrix: Operator, h: Tensor) -> Tensor:
        """Sum all hops, each under its gate."""
        hops = [h]
        for _ in range(self.num_layers):
            hops.append(hop(matrix, hops[-1]))
        every = torch.stack(hops)
        return (self.gate(every).sigmoid() * every).sum(0)

    def reset_parameters(self) -> None:
        """Draw all parameters anew, the gate's too."""
        super().reset_parameters()
        self.gate.reset_parameters()
