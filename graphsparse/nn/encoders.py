"""First layers: features that are categories, and nodes that have none."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.engine import InputError

# How many values each feature of an atom and of a bond takes in OGB's molecules.
ATOM_SIZES = (119, 5, 12, 12, 10, 6, 6, 2, 2)
BOND_SIZES = (5, 6, 2)


class CategoryEncoder(Module):
    """The sum of an embedding for each feature, all of one width.

    As OGB encodes atoms and bonds (Hu et al., "Open Graph Benchmark", NeurIPS 2020).

    Args:
        sizes: Values each feature takes: ``ATOM_SIZES``, ``BOND_SIZES``...
        channels: Width of the sum.
    """

    start: Tensor

    def __init__(self, sizes: Sequence[int], channels: int) -> None:
        super().__init__()
        self.sizes = tuple(sizes)
        # One table for all features: feature i starts at row start[i].
        self.table = torch.nn.Embedding(sum(sizes), channels)
        start = torch.tensor([0, *self.sizes[:-1]]).cumsum(0)
        self.register_buffer('start', start, persistent=False)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw each feature's embedding anew, by Glorot's rule."""
        for part in self.table.weight.data.split(self.sizes):
            torch.nn.init.xavier_uniform_(part)

    def forward(self, x: Tensor) -> Tensor:
        """Embeddings ``[rows, channels]`` of categories ``[rows, features]``.

        Raises:
            InputError: If there are more or fewer features than sizes.
        """
        if x.dim() != 2 or x.size(1) != len(self.sizes):
            raise InputError(
                f'{len(self.sizes)} features a row are encoded (got shape '
                f'{list(x.shape)}).'
            )
        return self.table(x.long() + self.start).sum(dim=1)

    def __repr__(self) -> str:
        return f'CategoryEncoder({self.sizes}, {self.table.embedding_dim})'


class LearnedFeatures(Module):
    """A net on features that are learned, for graphs whose nodes have none (ogbl-ddi).

    Args:
        net: Called with the learned features in place of ``x``.
        num_nodes: Nodes of the one graph it is for.
        channels: Width of the features.
    """

    def __init__(self, net: Module, num_nodes: int, channels: int) -> None:
        super().__init__()
        self.net = net
        self.features = torch.nn.Embedding(num_nodes, channels)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw the features anew, by Glorot's rule; the net stays."""
        torch.nn.init.xavier_uniform_(self.features.weight)

    def forward(self, x: Any, *args: Any, **kwargs: Any) -> Any:
        """The net's outputs; ``x`` is not looked at."""
        return self.net(self.features.weight, *args, **kwargs)
