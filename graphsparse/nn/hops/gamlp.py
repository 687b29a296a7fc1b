from __future__ import annotations

from typing import Literal

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import BatchNorm1d, Linear, ModuleList

from graphsparse.engine import InputError
from graphsparse.nn.hops.base import HopNet


class GAMLP(HopNet):
    r"""Every node weighs its propagated features by what it knows of the hops.

    :math:`w_k = \mathrm{softmax}_k\, \sigma(s^\top [X_k \| R_k])` weighs the features
    :math:`X_k` of hop k themselves, and a perceptron maps their sum. The reference
    :math:`R_k` is for ``'jk'`` attention a perceptron of all hops together, and for
    ``'recursive'`` attention the hops before, :math:`\sum_{j<k} w_j X_j`, weighed
    among themselves (k = 0 has itself). Zhang et al., "Graph Attention Multi-Layer
    Perceptron", KDD 2022.

    Args:
        attention: 'jk' or 'recursive'.
        num_layers: Linear maps of the perceptron after attention.
        alpha: Share of the first hidden layer in what each further one is given.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        num_hops: int,
        hidden_channels: int = 128,
        dropout: float = 0.2,
        attention: Literal['jk', 'recursive'] = 'jk',
        num_layers: int = 3,
        alpha: float = 0.5,
    ) -> None:
        super().__init__(in_channels, out_channels, num_hops, hidden_channels, dropout)
        if attention not in ('jk', 'recursive'):
            raise InputError(
                f"attention has to be 'jk' or 'recursive' (got {attention!r})."
            )
        if num_layers < 2:
            raise InputError(f'num_layers has to be at least 2 (got {num_layers}).')
        hidden, jk = hidden_channels, attention == 'jk'
        self.alpha = alpha
        self.reference = Linear((num_hops + 1) * in_channels, hidden) if jk else None
        self.score = Linear(in_channels + (hidden if jk else in_channels), 1)
        self.first = Linear(in_channels, hidden)
        between = range(num_layers - 2)
        self.lins = ModuleList(Linear(hidden, hidden) for _ in between)
        self.norms = ModuleList(BatchNorm1d(hidden) for _ in between)
        self.out = Linear(hidden, out_channels)

    def forward(self, hops: Tensor) -> Tensor:  # noqa: D102
        x = (self.attention(hops).unsqueeze(-1) * hops).sum(1)
        h = first = self._drop(self.first(x).relu())
        for lin, norm in zip(self.lins, self.norms, strict=True):
            mixed = (1 - self.alpha) * h + self.alpha * first
            h = self._drop(norm(lin(mixed)).relu())
        return self.out(h)

    def attention(self, hops: Tensor) -> Tensor:
        """What each hop counts, ``[nodes, num_hops + 1]``, adding up to 1."""
        if self.reference is not None:
            known = self._drop(self.reference(hops.flatten(1)).relu())
            known = known.unsqueeze(1).expand(-1, hops.size(1), -1)
            return self._weigh(hops, known).softmax(1)
        scores: list[Tensor] = []
        before = hops[:, 0]
        for k, hop in enumerate(hops.unbind(1)):
            if k:
                weight = torch.stack(scores, dim=1).softmax(1)
                before = (weight.unsqueeze(-1) * hops[:, :k]).sum(1)
            scores.append(self._weigh(hop, before))
        return torch.stack(scores, dim=1).softmax(1)

    def _weigh(self, x: Tensor, known: Tensor) -> Tensor:
        return self.score(torch.cat([x, known], dim=-1)).sigmoid().squeeze(-1)

    def _drop(self, h: Tensor) -> Tensor:
        return F.dropout(h, self.dropout, self.training)
