"""From scores to an exact choice. Ties go to the edge of the smaller nodes."""

from __future__ import annotations

import math
from typing import Literal, get_args

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.graph import Adjacency
from graphsparse.kernels import global_topk
from graphsparse.pruning.budget import Count, count_kept

Selection = Literal['global', 'per_node', 'connected']


def check_selection(select: str) -> None:
    """InputError unless ``select`` names a selection."""
    if select not in get_args(Selection):
        raise unknown('selection', select, list(get_args(Selection)))


def select_edges(
    adj: Adjacency,
    score: Tensor,
    select: Selection = 'global',
    sparsity: float | None = None,
    keep: int | None = None,
    count: Count = 'floor',
) -> Tensor:
    """:func:`select_global`, :func:`select_per_node` or :func:`keep_connected`."""
    check_selection(select)
    if select == 'global':
        return select_global(score, sparsity, keep, count)
    if select == 'per_node':
        return select_per_node(adj, score, sparsity, keep, count)
    return keep_connected(adj, score, sparsity, keep, count)


def select_global(
    score: Tensor,
    sparsity: float | None = None,
    keep: int | None = None,
    count: Count = 'floor',
) -> Tensor:
    """Keep the highest scores of all.

    Args:
        score: ``[edges]``, no NaN.
        sparsity: Fraction removed, in [0, 1).
        keep: Or the exact number kept.
        count: How the removed number is rounded.

    Returns:
        Boolean ``[edges]``, True = kept, exact in number. Of equal scores the first
        are kept: in an Adjacency's order those of the smallest ``(min, max)`` ends.
        Selections of one score are nested.
    """
    return global_topk(score, count_kept(score.numel(), sparsity, keep, count))


def select_per_node(
    adj: Adjacency,
    score: Tensor,
    sparsity: float | None = None,
    keep: int | None = None,
    count: Count = 'floor',
) -> Tensor:
    """Keep each node's best edges, so that hubs cannot take the whole budget.

    An edge is worth the better of its ranks among its ends' edges, as a share of
    their degree (the local filter of Satuluri et al., SIGMOD 2011); the best worths
    are kept, exact in number. In a directed graph the rank is among arcs into the
    target.

    Args:
        adj: The graph.
        score: ``[adj.num_edges]``.
        sparsity: Fraction removed.
        keep: Or the exact number kept.
        count: How the removed number is rounded.
    """
    worth = 1 - rank_in_row(adj, score).double() / adj.degree()[adj.row()]
    by_edge = worth.new_zeros(adj.num_edges).scatter_reduce(
        0, adj.edge(), worth, 'amax', include_self=False
    )
    return select_global(by_edge, sparsity, keep, count)


def rank_in_row(adj: Adjacency, score: Tensor) -> Tensor:
    """Rank of each arc among the arcs of its target, 0 the best, ``[arcs]``.

    Equal scores rank by edge number.
    """
    edge = adj.edge()
    best_first = torch.argsort(score, descending=True, stable=True)
    place = torch.empty_like(best_first)
    place[best_first] = torch.arange(adj.num_edges, device=score.device)
    order = torch.argsort(place[edge], stable=True)
    order = order[torch.argsort(adj.row()[order], stable=True)]
    rank = torch.empty_like(order)
    rank[order] = torch.arange(adj.num_arcs, device=score.device)
    return rank - adj.rowptr[adj.row()]


def keep_connected(
    adj: Adjacency,
    score: Tensor,
    sparsity: float | None = None,
    keep: int | None = None,
    count: Count = 'floor',
) -> Tensor:
    """Keep the highest scores, and the best edge of every node whatever its score.

    No node loses its last edge; in a directed graph none loses its last incoming
    arc. Exact in number.

    Args:
        adj: The graph.
        score: ``[adj.num_edges]``.
        sparsity: Fraction removed.
        keep: Or the exact number kept.
        count: How the removed number is rounded.

    Raises:
        InputError: If the nodes' best edges alone are more than may be kept.
    """
    best = torch.zeros(adj.num_edges, dtype=torch.bool, device=score.device)
    best[adj.edge()[rank_in_row(adj, score) == 0]] = True
    needed, kept = int(best.sum()), count_kept(adj.num_edges, sparsity, keep, count)
    if kept < needed:
        most = math.floor(1e4 * (1 - needed / adj.num_edges)) / 1e4
        raise InputError(
            f'Every node keeps its best edge: that takes {needed} edges, but only '
            f'{kept} of {adj.num_edges} may stay. Lower the sparsity to '
            f'{most}, or select without this guard.'
        )
    # An infinite score of another edge must not tie with those.
    finite = score.clamp(max=torch.finfo(score.dtype).max)
    return global_topk(finite.masked_fill(best, torch.inf), kept)
