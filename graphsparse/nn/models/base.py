from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn.features import Features

Layer = Callable[[Tensor, Adjacency], Tensor]


class ReferenceModel(torch.nn.Module, ABC):
    """A net as a paper trains it: layers of one conv, logits for every node.

    A subclass takes ``in_channels``, ``out_channels``, ``hidden_channels`` and
    ``num_layers``, and whatever it has besides, and fills ``convs``.

    Attributes:
        in_channels: Features a node.
        out_channels: Classes.
        hidden_channels: Width of the hidden layers (of one head, with attention).
        num_layers: Number of convs, or of hops.
        convs: The convs, first to last; none where hops have no weights.
    """

    convs: torch.nn.ModuleList

    def __init__(
        self, in_channels: int, out_channels: int, hidden_channels: int, num_layers: int
    ) -> None:
        super().__init__()
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.hidden_channels = hidden_channels
        self.num_layers = num_layers

    def layer_sizes(self) -> list[tuple[int, int]]:
        """Width into and out of each layer that maps."""
        hidden = [self.hidden_channels] * (self.num_layers - 1)
        return list(pairwise([self.in_channels, *hidden, self.out_channels]))

    @abstractmethod
    def forward(
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Logits of every node.

        Args:
            x: ``[nodes, in_channels]``.
            edge_index: ``[2, edges]``, an ``EdgeIndex`` or an Adjacency.
            edge_weight: ``[edges]``. Read where GCN's normalised graph is; GAT, GIN and
                SAGE do without, as in PyG.

        Returns:
            ``[nodes, out_channels]``.
        """

    def layers(self) -> list[Layer]:
        """What :meth:`forward` does without dropout, as one function after another.

        Each takes the features of all nodes and the graph, and reads neighbours once.

        Raises:
            InputError: If the net is not such a sequence.
        """
        raise InputError(
            f'{type(self).__name__} is not one layer after another: a layer reads more '
            'than the one before it.'
        )

    @abstractmethod
    def propagation_widths(self) -> list[int]:
        """Features that an edge carries in each layer, to count multiplications."""

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        for conv in self.convs:
            conv.reset_parameters()  # type: ignore[operator]

    def __repr__(self) -> str:
        return (
            f'{type(self).__name__}({self.in_channels}, {self.out_channels}, '
            f'hidden_channels={self.hidden_channels}, num_layers={self.num_layers})'
        )


def check_shares(**shares: float) -> None:
    """InputError unless each of these is in [0, 1]."""
    for name, share in shares.items():
        if not 0 <= share <= 1:
            raise InputError(f'{name} has to be in [0, 1] (got {share}).')
