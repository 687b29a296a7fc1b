from __future__ import annotations

from abc import ABC

import torch

from graphsparse.nn.conv import GCNConv
from graphsparse.nn.models.base import ReferenceModel


class DeepGCN(ReferenceModel, ABC):
    """What nets of GCN layers, made for depth, share: convs with a bias.

    Dropout is on the input of every layer, the features too; the last layer has no
    ReLU. So the benchmark of Chen et al. trains them all ("Bag of Tricks for Training
    Deeper Graph Neural Networks", TPAMI 2022), whose widths and dropout for Cora are
    the defaults.
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
        self.convs = torch.nn.ModuleList(
            GCNConv(*sizes) for sizes in self.layer_sizes()
        )

    def propagation_widths(self) -> list[int]:
        """The narrower side of each layer: there a conv propagates."""
        return [min(sizes) for sizes in self.layer_sizes()]
