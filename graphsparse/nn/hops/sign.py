from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Linear, ModuleList

from graphsparse.nn.hops.base import HopNet


class SIGN(HopNet):
    r"""A map of its own for every hop, side by side, then one for all.

    :math:`Y = [\sigma(X \Theta_0), \sigma(S X \Theta_1), \ldots,
    \sigma(S^K X \Theta_K)] \, \Omega` (Frasca et al., "SIGN: Scalable Inception Graph
    Neural Networks", 2020), ReLU and dropout on each part.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_hops: int,
        hidden_channels: int = 128,
        dropout: float = 0.2,
    ) -> None:
        super().__init__(in_channels, out_channels, num_hops, hidden_channels, dropout)
        self.lins = ModuleList(
            Linear(in_channels, hidden_channels) for _ in range(num_hops + 1)
        )
        self.out = Linear((num_hops + 1) * hidden_channels, out_channels)

    def forward(self, hops: Tensor) -> Tensor:  # noqa: D102
        parts = [
            F.dropout(lin(hop).relu(), self.dropout, self.training)
            for lin, hop in zip(self.lins, hops.unbind(1), strict=True)
        ]
        return self.out(torch.cat(parts, dim=1))
