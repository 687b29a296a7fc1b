from __future__ import annotations

from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.nn.features import Features, as_dense, dropout
from graphsparse.nn.models.base import check_shares
from graphsparse.nn.models.deep import DeepGCN


class Residual(DeepGCN):
    r"""GCN with skips from layer to layer.

    :math:`h_l = (1 - \alpha)\, \mathrm{ReLU}(\hat A h_{l-1} W_l + b_l)
    + \alpha h_{l-1}` between layers of one width (Kipf & Welling 2017, appendix B, in
    the weighing of Chen et al., "Bag of Tricks for Training Deeper Graph Neural
    Networks", TPAMI 2022).

    Args:
        alpha: Share of the layer before.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 2,
        dropout: float = 0.6,
        alpha: float = 0.1,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        check_shares(alpha=alpha)
        self.alpha = alpha

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        for layer, conv in enumerate(self.convs[:-1]):
            below = dropout(x, self.dropout, self.training)
            h = conv(below, edge_index, edge_weight).relu()
            x = (1 - self.alpha) * h + self.alpha * as_dense(x) if layer else h
        x = dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index, edge_weight)
