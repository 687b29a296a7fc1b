from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.utils import scatter

from graphsparse.engine import InputError

Pooling = Literal['mean', 'sum']


def check_pooling(pool: str) -> None:
    """InputError unless ``pool`` is 'mean' or 'sum'."""
    if pool not in ('mean', 'sum'):
        raise InputError(f"pool has to be 'mean' or 'sum' (got {pool!r}).")


def pool_graphs(h: Tensor, batch: Tensor, pool: Pooling = 'mean') -> Tensor:
    """One row a graph ``[graphs, channels]`` of rows of nodes ``[nodes, channels]``.

    Args:
        h: Of nodes.
        batch: The graph of each node ``[nodes]``, from 0.
        pool: What is made of a graph's nodes.
    """
    return scatter(h, batch, dim=0, reduce=pool)


class Pooled(Module):
    """A net for nodes as a net for graphs: its outputs, pooled.

    Args:
        net: Called with ``x`` and ``edge_index``; edge features are not looked at.
        pool: 'mean' or 'sum'.
    """

    def __init__(self, net: Module, pool: Pooling = 'mean') -> None:
        super().__init__()
        check_pooling(pool)
        self.net, self.pool = net, pool

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor | None, batch: Tensor
    ) -> Tensor:
        """Logits ``[graphs, channels]``."""
        h = self.net(x.to(torch.get_default_dtype()), edge_index)
        return pool_graphs(h, batch, self.pool)
