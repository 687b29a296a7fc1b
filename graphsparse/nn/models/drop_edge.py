from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.nn.conv.hops import graph_of
from graphsparse.nn.features import Features, dropout
from graphsparse.nn.models.deep import DeepGCN
from graphsparse.pruning.budget import check_sparsity, count_kept


class DropEdge(DeepGCN):
    """GCN that sees another random part of the edges in every epoch.

    In training an exact share of the edges is gone from all layers, both arcs of an
    edge together, and the rest is normalised anew; evaluation sees them all (Rong et
    al., "DropEdge: Towards Deep Graph Convolutional Networks on Node Classification",
    ICLR 2020).

    Args:
        edge_dropout: Share of the edges dropped. 0.2 is the one of Chen et al.'s
            benchmark ("Bag of Tricks for Training Deeper Graph Neural Networks").
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 2,
        dropout: float = 0.6,
        edge_dropout: float = 0.2,
    ) -> None:
        super().__init__(
            in_channels, out_channels, hidden_channels, num_layers, dropout
        )
        self.edge_dropout = check_sparsity(edge_dropout, 'edge_dropout')

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        if self.training and self.edge_dropout:
            adj = graph_of(x, edge_index, edge_weight)
            edge_index, edge_weight = drop_edges(adj, self.edge_dropout), None
        for conv in self.convs[:-1]:
            x = dropout(x, self.dropout, self.training)
            x = conv(x, edge_index, edge_weight).relu()
        x = dropout(x, self.dropout, self.training)
        return self.convs[-1](x, edge_index, edge_weight)


def drop_edges(adj: Adjacency, share: float) -> Adjacency:
    """The graph less a share of its edges, drawn evenly by torch's own generator."""
    device = adj.col.device
    order = torch.randperm(adj.num_edges, device=device)
    keep = torch.zeros(adj.num_edges, dtype=torch.bool, device=device)
    keep[order[: count_kept(adj.num_edges, share)]] = True
    return adj.keep_edges(keep)
