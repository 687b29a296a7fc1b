from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Operator
from graphsparse.nn.conv.hops import hop
from graphsparse.nn.features import as_dense, dropout
from graphsparse.nn.models.base import check_shares
from graphsparse.nn.models.decoupled import Decoupled


class GPRGNN(Decoupled):
    r"""Learns how much each hop counts: generalised PageRank.

    :math:`\sum_k \gamma_k \hat A^k Z` over :math:`k = 0 \ldots K`, where the
    :math:`\gamma` start as personalised PageRank's (Chien et al., "Adaptive Universal
    Generalized PageRank Graph Neural Network", ICLR 2021).

    Args:
        alpha: Probability of teleporting home in the PageRank that is begun with.
        hop_dropout: Dropout before the first hop.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 10,
        dropout: float = 0.5,
        alpha: float = 0.1,
        hop_dropout: float = 0.5,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        check_shares(alpha=alpha, hop_dropout=hop_dropout)
        self.alpha = alpha
        self.hop_dropout = hop_dropout
        self.gamma = torch.nn.Parameter(torch.empty(num_layers + 1))
        self._reset_gamma()

    def propagate(self, matrix: Operator, h: Tensor) -> Tensor:
        """Sum all hops by their weights."""
        h = as_dense(dropout(h, self.hop_dropout, self.training))
        out = self.gamma[0] * h
        for weight in self.gamma[1:]:
            h = hop(matrix, h)
            out = out + weight * h
        return out

    def reset_parameters(self) -> None:
        """Draw all parameters anew; the weights of the hops start as PageRank's."""
        super().reset_parameters()
        self._reset_gamma()

    @torch.no_grad()
    def _reset_gamma(self) -> None:
        stays = (1 - self.alpha) ** torch.arange(self.num_layers + 1)
        self.gamma.copy_(self.alpha * stays)
        self.gamma[-1] = stays[-1]
