from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from graphsparse.engine import InputError, resolve
from graphsparse.graph import Adjacency, to_adjacency


@dataclass(frozen=True)
class EdgeScore(ABC):
    """How much an edge is worth keeping, from the graph and its features alone.

    A score is a frozen dataclass of its options with one method, :meth:`score`.
    Writing the subclass is all it takes: its name is then known to ``Sparsify``,
    the searches and the command line.

    Attributes:
        chooses_among_equals: Whether ties are part of the score, decided by the
            edges' numbers, so that only the sorted scores are the same under other
            node names.
    """

    chooses_among_equals: ClassVar[bool] = False

    @abstractmethod
    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Worth of every edge.

        Args:
            adj: The graph; never changed.
            x: Node features ``[nodes, features]`` or None.
            seed: For scores that draw numbers; the others leave it alone.

        Returns:
            float64 ``[adj.num_edges]`` without NaN, in the order of ``adj``'s
            edges; equal under any order of the caller's edges.
        """

    def __call__(
        self, adj: Adjacency, x: Tensor | None = None, seed: int = 0
    ) -> Tensor:
        """:meth:`score`, with its result checked."""
        with torch.no_grad():
            score = self.score(adj, x, seed)
        if score.shape != (adj.num_edges,) or score.dtype != torch.float64:
            raise TypeError(
                f'{self} gave {score.dtype} of shape {list(score.shape)}; a score is '
                f'float64 of shape [{adj.num_edges}].'
            )
        if score.isnan().any():
            raise InputError(f'{self} gave NaN scores; are there NaN features?')
        return score


def multiply_ends(adj: Adjacency, as_source: Tensor, as_target: Tensor) -> Tensor:
    """A number of each edge's source times one of its target, ``[edges]``."""
    out, done = as_source.new_empty(adj.num_edges), 0
    for source, target in adj.edge_blocks():
        end = done + source.numel()
        torch.mul(as_source[source], as_target[target], out=out[done:end])
        done = end
    return out


def score_edges(
    graph: Any, score: str | EdgeScore = 'teddy', seed: int = 0, **options: Any
) -> Tensor:
    """Score the edges of anything :func:`to_adjacency` reads.

    Args:
        graph: ``Data``, ``Adjacency``, sparse matrix or networkx graph.
        score: Name or instance.
        seed: For random scores.
        **options: Of the named score.

    Returns:
        float64 over the caller's edges; self-loops get infinity, since they are
        never in the budget.
    """
    adj = to_adjacency(graph)
    x = getattr(graph, 'x', None)
    score = resolve(EdgeScore, score, **options)  # type: ignore[type-abstract]
    return adj.to_caller(score(adj, x, seed), loops=torch.inf, absent=-torch.inf)
