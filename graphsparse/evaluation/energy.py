from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.kernels import spmm


@torch.no_grad()
def dirichlet_energy(h: Tensor, adj: Adjacency) -> Tensor:
    r"""How much features differ along edges, 0 where neighbours agree.

    .. math:: tr(H^T L H) = \tfrac12 \sum_{i, j} A_{ij}
        \| h_i / \sqrt{d_i} - h_j / \sqrt{d_j} \|^2 + \sum_{i: d_i = 0} \| h_i \|^2

    with :math:`L = I - D^{-1/2} A D^{-1/2}`, self-loops left out, as PyG's
    ``get_laplacian(normalization='sym')``: its diagonal is 1 at isolated nodes too, so
    each of those counts with its squared length. Directions are ignored: of a
    directed graph A is the mean of both. Edge weights and a soft mask count; they
    have to be positive for an energy that is.

    One ``spmm``, no more memory than the features in float64, in which it is added up:
    smooth features leave little of large sums.

    Args:
        h: ``[nodes, features]``.
        adj: The graph.

    Returns:
        A float64 tensor without dimensions, where ``h`` is: no wait for a GPU.

    Raises:
        InputError: If ``h`` does not fit the graph.
    """
    if h.dim() != 2 or h.size(0) != adj.num_nodes or not h.is_floating_point():
        raise InputError(
            f'h has to hold floats of shape [{adj.num_nodes}, features] (got {h.dtype} '
            f'of shape {list(h.shape)}).'
        )
    pattern = adj.pattern('none')
    weighted = adj.weight is not None or adj.mask is not None
    value = adj.arc_values(torch.float64) if weighted else None
    ones = h.new_ones(h.size(0), 1, dtype=torch.float64)
    degree = spmm(pattern, ones, value) + spmm(pattern.transpose(), ones, value)
    degree = degree / 2
    positive = degree > 0
    h = h.double()
    scaled = h * (torch.where(positive, degree, 1.0).rsqrt() * positive)
    energy = h.square().sum() - (scaled * spmm(pattern, scaled, value)).sum()
    return energy.clamp(min=0)  # rounding leaves -1e-17
