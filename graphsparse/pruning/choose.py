from __future__ import annotations

from torch import Tensor

from graphsparse.engine import resolve
from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.masks import EdgeMask
from graphsparse.pruning.select import Selection, select_edges


def choose_edges(
    adj: Adjacency,
    x: Tensor | None = None,
    score: str | EdgeScore = 'teddy',
    sparsity: float | None = None,
    keep: int | None = None,
    select: Selection = 'global',
    seed: int = 0,
) -> EdgeMask:
    """The edges that stay, by score and selection alone: nothing is trained.

    Args:
        adj: The graph.
        x: Node features, for scores that read them.
        score: Name or instance.
        sparsity: Fraction removed, in [0, 1); floor of edges.
        keep: Or the exact number kept.
        select: See :func:`select_edges`.
        seed: For random scores.

    Raises:
        InputError: If score, selection or budget cannot be used.
    """
    score = resolve(EdgeScore, score)  # type: ignore[type-abstract]
    worth = score(adj, x, seed)
    return EdgeMask.of(adj, select_edges(adj, worth, select, sparsity, keep))
