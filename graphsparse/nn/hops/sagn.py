from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import BatchNorm1d, Linear, ModuleList, Parameter

from graphsparse.nn.head_mlp import HeadMLP
from graphsparse.nn.hops.base import HopNet


class SAGN(HopNet):
    r"""Every node weighs the hops for itself, by attention to its own features.

    With :math:`H_k = \mathrm{MLP}_k(S^k X)` in each head,

    .. math:: \theta_k = \mathrm{softmax}_k\,
              \mathrm{LeakyReLU}(a^\top [H_0 \| H_k]), \quad
              Z = \sum_k \theta_k H_k + X W,

    then batch normalisation, ReLU, dropout, a perceptron, and the mean over heads (Sun,
    Gu & Hu, "Scalable and Adaptive Graph Neural Networks with Self-Label-Enhanced
    Training", 2021).

    Args:
        heads: Of the perceptrons and the attention.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_hops: int,
        hidden_channels: int = 128,
        dropout: float = 0.2,
        heads: int = 1,
    ) -> None:
        super().__init__(in_channels, out_channels, num_hops, hidden_channels, dropout)
        hidden = hidden_channels
        self.encoders = ModuleList(
            HeadMLP(in_channels, hidden, hidden, 2, heads, dropout)
            for _ in range(num_hops + 1)
        )
        self.to_first = Parameter(torch.empty(heads, hidden))
        self.to_each = Parameter(torch.empty(heads, hidden))
        for vector in (self.to_first, self.to_each):
            torch.nn.init.xavier_uniform_(vector, torch.nn.init.calculate_gain('relu'))
        self.residual = Linear(in_channels, heads * hidden, bias=False)
        self.norm = BatchNorm1d(heads * hidden)
        self.decoder = HeadMLP(hidden, hidden, out_channels, 2, heads, dropout)

    def forward(self, hops: Tensor) -> Tensor:  # noqa: D102
        parts = zip(self.encoders, hops.unbind(1), strict=True)
        h = torch.stack([encoder(hop) for encoder, hop in parts], dim=1)
        weight = self.attention(h).unsqueeze(-1)
        z = (weight * h).sum(1).flatten(1) + self.residual(hops[:, 0])
        z = F.dropout(self.norm(z).relu(), self.dropout, self.training)
        return self.decoder(z.view(len(h), *h.shape[2:])).mean(1)

    def attention(self, h: Tensor) -> Tensor:
        """What each hop counts, adding up to 1.

        Args:
            h: ``[nodes, num_hops + 1, heads, hidden_channels]``.

        Returns:
            ``[nodes, num_hops + 1, heads]``.
        """
        score = (h[:, :1] * self.to_first).sum(-1) + (h * self.to_each).sum(-1)
        return F.leaky_relu(score, 0.2).softmax(1)
