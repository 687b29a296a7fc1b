"""How close two nodes are by all walks between them: Katz, personalised PageRank.

As in :mod:`graphsparse.graph.proximity` parallel arcs count once, self-loops not at
all, and weights are not read. Walks follow the arcs of a directed graph.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.check import check_edge_index
from graphsparse.graph.proximity import first_slots
from graphsparse.kernels import Pattern, compact, spmm
from graphsparse.kernels.layout import has_twins

_TERMS = 10_000
_BLOCK_BYTES = 2**22  # of one matrix [nodes, sources]: several have to fit in caches


def katz(
    adj: Adjacency, pairs: Tensor, beta: float = 0.005, tol: float = 1e-12
) -> Tensor:
    r"""Katz (1953): :math:`\sum_{l \ge 1} \beta^l (A^l)_{uv}`, walks from u to v.

    Args:
        adj: The graph.
        pairs: Node pairs, int64 ``[2, pairs]``.
        beta: Factor of each step, below 1 / the largest eigenvalue of A.
        tol: Terms of the series count until none is above this share of the sum.

    Returns:
        float64 ``[pairs]``, entries of :math:`(I - \beta A)^{-1} - I`.

    Raises:
        InputError: If the series does not converge, or a pair names no node.
    """
    if not 0 < beta < math.inf:
        raise InputError(f'beta has to be above 0 (got {beta}).')
    return _by_source(adj, pairs, partial(katz_from, adj, beta=beta, tol=tol))


def personalized_pagerank(
    adj: Adjacency, pairs: Tensor, alpha: float = 0.85, tol: float = 1e-12
) -> Tensor:
    r"""Where a walk from u is that goes on with probability alpha, else begins anew.

    Entry v of :math:`\pi = (1 - \alpha) e_u + \alpha P^T \pi` with P the walk's steps;
    where no arc goes on it begins anew, as in networkx. (u, v) and (v, u) differ: a
    score of links is their sum.

    Args:
        adj: The graph.
        pairs: Node pairs, int64 ``[2, pairs]``.
        alpha: In [0, 1).
        tol: Of the sum of absolute errors of each walk.

    Returns:
        float64 ``[pairs]``.
    """
    if not 0 <= alpha < 1:
        raise InputError(f'alpha has to be in [0, 1) (got {alpha}).')
    return _by_source(adj, pairs, partial(pagerank_from, adj, alpha=alpha, tol=tol))


def katz_from(
    adj: Adjacency, sources: Tensor, beta: float = 0.005, tol: float = 1e-12
) -> Tensor:
    """Katz from each source to all nodes, float64 ``[nodes, sources]``."""
    pattern, _ = _arcs(adj)
    term = _units(adj, sources)
    total = torch.zeros_like(term)
    for _ in range(_TERMS):
        before = term
        term = spmm(pattern, term).mul_(beta)
        total += term
        most = float(term.amax()) if term.numel() else 0.0
        if most <= tol * float(total.amax() if term.numel() else 0.0):
            return total
        if not most < 1e100:
            break
    growth = float(term.sum() / before.sum()) / beta
    raise InputError(
        f'Walks count for ever more with beta={beta:g}: it has to be below 1 / the '
        f'largest eigenvalue, which is about {growth:.3g} here.'
    )


def pagerank_from(
    adj: Adjacency, sources: Tensor, alpha: float = 0.85, tol: float = 1e-12
) -> Tensor:
    """Personalised PageRank of each source, float64 ``[nodes, sources]``."""
    pattern, both_ways = _arcs(adj)
    start = _units(adj, sources)
    ends = pattern.col.long()
    degree = torch.bincount(ends, minlength=adj.num_nodes).double()
    step = alpha / degree[ends]  # of the arcs: alpha times the walk's P
    if not alpha:
        return start
    if both_ways:
        return _chebyshev(pattern, step, degree, start, alpha, tol)
    walk, stuck = start, (degree == 0).double()
    for _ in range(math.ceil(math.log(tol / 2) / math.log(alpha))):
        again = 1 - alpha + alpha * (stuck @ walk)
        walk = spmm(pattern, walk, step).addcmul_(start, again)
    return walk


def _chebyshev(
    pattern: Pattern,
    step: Tensor,
    degree: Tensor,
    start: Tensor,
    alpha: float,
    tol: float,
) -> Tensor:
    r"""PageRank over edges: a third of the products that walking itself would take.

    There the spectrum of :math:`\alpha P` is real and within :math:`\pm\alpha`, so that
    Chebyshev's semi-iteration (Golub & Varga 1961) gains a factor of
    :math:`\alpha / (1 + \sqrt{1 - \alpha^2})` a step.
    """
    gain = alpha / (1 + math.sqrt(1 - alpha**2))
    # The sum of errors is at most sqrt(sum of degrees) times the norm that shrinks.
    most = 4 * math.sqrt(float(degree.sum()) + 1) / tol
    before, walk, weight = torch.zeros_like(start), (1 - alpha) * start, 2.0
    for _ in range(math.ceil(math.log(most) / -math.log(gain))):
        weight = 1 / (1 - weight * alpha**2 / 4)
        after = spmm(pattern, walk, step).add_(start, alpha=1 - alpha)
        after.sub_(before).mul_(weight).add_(before)
        before, walk = walk, after
    # From a node without edges it begins anew, with every step.
    return torch.where((degree == 0).unsqueeze(1), start, walk)


def blocks_of(adj: Adjacency, sources: Tensor) -> tuple[Tensor, ...]:
    """Sources in parts for which a matrix ``[nodes, sources]`` is small enough.

    Of a large graph a part has eight, a cache line: arcs are read once for them all.
    """
    return sources.split(max(8, _BLOCK_BYTES // (8 * max(1, adj.num_nodes))))


def _by_source(
    adj: Adjacency, pairs: Tensor, score: Callable[[Tensor], Tensor]
) -> Tensor:
    check_edge_index(pairs, adj.num_dst, adj.num_dst, 'pairs')
    pairs = pairs.long()
    source, place = pairs[0].unique(return_inverse=True)
    order = place.argsort(stable=True)
    ends = torch.bincount(place, minlength=source.numel()).cumsum(0)
    out = torch.empty(pairs.size(1), dtype=torch.float64, device=pairs.device)
    first = 0
    for part in blocks_of(adj, source):
        last = first + part.numel()
        begin = int(ends[first - 1]) if first else 0
        mine = order[begin : int(ends[last - 1])] if part.numel() else order[:0]
        out[mine] = score(part)[pairs[1, mine], place[mine] - first]
        first = last
    return out


def _units(adj: Adjacency, sources: Tensor) -> Tensor:
    """A column for each source, 1 at its row."""
    out = torch.zeros(
        adj.num_nodes, sources.numel(), dtype=torch.float64, device=sources.device
    )
    out[sources, torch.arange(sources.numel(), device=sources.device)] = 1
    return out


def _arcs(adj: Adjacency) -> tuple[Pattern, bool]:
    """The arcs, each once, by target, and whether each goes both ways."""
    return adj._derive('simple', partial(_make_arcs, adj.rowptr, adj.col))


def _make_arcs(rowptr: Tensor, col: Tensor) -> tuple[Pattern, bool]:
    rowptr, col, _ = compact(rowptr, col, first_slots(rowptr, col))
    pattern = Pattern(rowptr, col, None, None, None, None)
    return pattern, has_twins(rowptr, col)
