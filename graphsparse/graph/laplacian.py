"""The Laplacian of a graph as a map, and its pseudo-inverse by conjugate gradients."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.adjacency import Adjacency
from graphsparse.kernels import spmm


def laplacian_degree(adj: Adjacency) -> Tensor:
    """Edges at each node, float64 ``[nodes]``; in a directed graph in and out."""
    degree = adj.degree()
    if not adj.undirected:
        degree = degree + adj.out_degree()
    return degree.double()


def apply_laplacian(adj: Adjacency, x: Tensor) -> Tensor:
    """:math:`(D - A) x`, every edge of weight 1.

    Directions are ignored, parallel edges add up, self-loops cancel out.

    Args:
        adj: The graph, sources and targets being the same nodes.
        x: ``[nodes, columns]``, float64.
    """
    pattern = adj.pattern('none')
    out = x * laplacian_degree(adj).unsqueeze(1)
    out -= spmm(pattern, x)
    if not adj.undirected:
        out -= spmm(pattern.transpose(), x)
    return out


def solve_laplacian(
    adj: Adjacency, rhs: Tensor, tolerance: float = 1e-6, max_iterations: int = 1000
) -> Tensor:
    r"""Solve :math:`L x = b` for several b at once, by conjugate gradients.

    Preconditioned by the degrees. A product with the sparse matrix serves all the
    columns, so a column costs a fraction of an ``spmm`` of its own. The number of
    iterations grows with the square root of the normalised Laplacian's condition:
    tens for social and random graphs, about the diameter for paths and grids.

    Args:
        adj: The graph; it may fall into components and have isolated nodes.
        rhs: Float64 ``[nodes, columns]``; each column sums to 0 over each component.
        tolerance: Norm of the residual allowed, as a share of that of b.
        max_iterations: At most.

    Returns:
        ``[nodes, columns]``, up to a constant on each component.

    Raises:
        InputError: If a column does not get there in ``max_iterations``.
    """
    degree = laplacian_degree(adj).unsqueeze(1)
    inverse = torch.where(degree > 0, 1 / degree.clamp(min=1), 0.0)
    x, residual = torch.zeros_like(rhs), rhs.clone()
    direction = residual * inverse
    size = _dot(residual, direction)
    goal = tolerance * rhs.norm(dim=0)
    for _ in range(max_iterations):
        going = residual.norm(dim=0) > goal
        if not going.any():
            return x
        image = apply_laplacian(adj, direction)
        # A column that has arrived stands still; its divisors may be 0.
        step = torch.where(going, size / _dot(direction, image), 0.0)
        x.addcmul_(direction, step)
        residual.addcmul_(image, step, value=-1)
        better = residual * inverse
        before, size = size, _dot(residual, better)
        direction = better.addcmul_(direction, torch.where(going, size / before, 0.0))
    worst = float((residual.norm(dim=0) / rhs.norm(dim=0)).nan_to_num(0.0).max())
    raise InputError(
        f'Conjugate gradients reached a residual of {worst:.1e} in {max_iterations} '
        f'iterations, not {tolerance:g}. Raise max_iterations or the tolerance.'
    )


def _dot(a: Tensor, b: Tensor) -> Tensor:
    return (a * b).sum(0)
