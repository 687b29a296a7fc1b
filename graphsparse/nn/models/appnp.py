from __future__ import annotations

from torch import Tensor

from graphsparse.graph import Operator
from graphsparse.nn.conv.hops import hop
from graphsparse.nn.features import as_dense, dropout
from graphsparse.nn.models.base import check_shares
from graphsparse.nn.models.decoupled import Decoupled


class APPNP(Decoupled):
    r"""Predict, then propagate by personalised PageRank.

    :math:`Z_{k+1} = (1 - \alpha) \hat A Z_k + \alpha Z_0` (Gasteiger et al.,
    "Predict then Propagate: Graph Neural Networks meet Personalized PageRank", ICLR
    2019, equation 4).

    Args:
        alpha: Probability of teleporting home.
        edge_dropout: Share of the normalised graph's entries dropped in training,
            others in each hop.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 10,
        dropout: float = 0.5,
        alpha: float = 0.1,
        edge_dropout: float = 0.5,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        check_shares(alpha=alpha, edge_dropout=edge_dropout)
        self.alpha = alpha
        self.edge_dropout = edge_dropout

    def propagate(self, matrix: Operator, h: Tensor) -> Tensor:
        """Walk ``num_layers`` steps, teleporting home."""
        home = h
        for _ in range(self.num_layers):
            value = dropout(matrix.value, self.edge_dropout, self.training)
            h = hop(matrix._replace(value=as_dense(value)), h)
            h = (1 - self.alpha) * h + self.alpha * home
        return h
