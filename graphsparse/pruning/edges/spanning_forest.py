from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import minimum_spanning_tree
from torch import Tensor

from graphsparse.engine import resolve
from graphsparse.graph import Adjacency
from graphsparse.kernels import compact
from graphsparse.pruning.edges.base import EdgeScore


@dataclass(frozen=True)
class SpanningForestScore(EdgeScore):
    """A maximum spanning forest first, then the other edges, both by another score.

    As long as the budget holds the forest, no component falls apart. The forest is
    Kruskal's (1956) on the base score, highest first; of equal scores the edge of the
    smaller number is taken, so under other node names another of the equally good
    forests may come out, with the same scores in all.

    A directed graph's forest is one of its arcs with directions ignored.

    Args:
        base: Name of the score that orders the edges.
        base_args: Its options.
    """

    chooses_among_equals: ClassVar[bool] = True

    base: str = 'teddy'
    base_args: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.base_score()

    def base_score(self) -> EdgeScore:
        """The score that orders the edges."""
        return resolve(EdgeScore, self.base, **self.base_args)  # type: ignore[type-abstract]

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """The base score; in the forest twice its range is added."""
        worth = self.base_score()(adj, x, seed)
        if not worth.numel():
            return worth
        low, high = worth.aminmax()
        ahead = 2 * (high - low) if high > low else torch.ones_like(high)
        return torch.where(spanning_forest(adj, worth), worth + ahead, worth)


def spanning_forest(adj: Adjacency, worth: Tensor) -> Tensor:
    """Mark the edges of a maximum spanning forest, boolean ``[edges]``.

    Args:
        adj: The graph.
        worth: ``[edges]``; among equals the earlier edges are taken.
    """
    best_first = torch.argsort(worth, descending=True, stable=True).cpu()
    place = torch.empty(worth.numel(), dtype=torch.float64)
    place[best_first] = torch.arange(1.0, worth.numel() + 1, dtype=torch.float64)
    rowptr, col = adj.rowptr, adj.col
    if adj.undirected:
        rowptr, col, _ = compact(rowptr, col, adj.row() < col)
    size = adj.num_src
    if adj.num_src != adj.num_dst:  # two node sets: the sources are counted on
        col, size = col + adj.num_dst, adj.num_src + adj.num_dst
        rowptr = torch.cat([rowptr, rowptr[-1:].expand(adj.num_src)])
    slots = place.numpy(), col.cpu().numpy(), rowptr.cpu().numpy()
    chosen = minimum_spanning_tree(csr_array(slots, shape=(size, size))).data
    forest = torch.zeros(worth.numel(), dtype=torch.bool)
    forest[best_first[torch.from_numpy(chosen.astype(np.int64)) - 1]] = True
    return forest.to(worth.device)
