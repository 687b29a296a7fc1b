from __future__ import annotations

from dataclasses import dataclass

import torch
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.graph.laplacian import (
    apply_laplacian,
    solve_laplacian,
)
from graphsparse.kernels import segment_reduce
from graphsparse.pruning.edges.base import EdgeScore
from graphsparse.pruning.edges.ends import check_one_node_set, edge_ends

_TOGETHER = 16  # right-hand sides solved at a time


@dataclass(frozen=True)
class EffectiveResistanceScore(EdgeScore):
    r"""Resistance between an edge's ends if all edges were resistors of 1 ohm.

    .. math:: R_{uv} = (e_u - e_v)^T L^+ (e_u - e_v)

    the probability that a uniform spanning tree holds the edge: 1 for a bridge, little
    where many paths lead around. Spielman & Srivastava, "Graph Sparsification by
    Effective Resistances", SIAM J. Comput. 2011.

    Up to ``exact`` nodes the Laplacian is inverted; beyond, :math:`R_{uv}` is the
    squared distance of u and v under :math:`Z = Q B L^+` with ``probes`` rows of random
    signs (their theorem 2), whose relative error has a standard deviation of
    :math:`\sqrt{2 / probes}`. Each row is a Laplacian system, solved by conjugate
    gradients: near linear in the edges where the graph is well connected.

    Directions are ignored; parallel edges are resistors side by side, and so are the
    two arcs of a directed graph that runs both ways. Every component is a circuit of
    its own.

    Args:
        exact: The most nodes for which a dense matrix, nodes x nodes, is inverted.
        probes: Random rows of the sketch.
        tolerance: Residual of each solve, as a share of its right-hand side.
        max_iterations: Of each solve.
    """

    exact: int = 1000
    probes: int = 64
    tolerance: float = 1e-4
    max_iterations: int = 2000

    def __post_init__(self) -> None:
        for name, low in (('exact', 0), ('probes', 1), ('max_iterations', 1)):
            if not getattr(self, name) >= low:
                raise InputError(
                    f'{name} has to be at least {low} (got {getattr(self, name)}).'
                )
        if not 0 < self.tolerance < 1:
            raise InputError(
                f'tolerance has to be between 0 and 1 (got {self.tolerance}).'
            )

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """In (0, 1], sketched values up to their error."""
        check_one_node_set(adj, self)
        if adj.num_nodes <= self.exact:
            return exact_resistance(adj)
        generator = torch.Generator().manual_seed(seed)
        u, v = edge_ends(adj)
        total = torch.zeros(adj.num_edges, dtype=torch.float64, device=u.device)
        for begin in range(0, self.probes, _TOGETHER):
            width = min(_TOGETHER, self.probes - begin)
            rhs = [_random_flow(adj, generator) for _ in range(width)]
            potential = solve_laplacian(
                adj, torch.stack(rhs, 1), self.tolerance, self.max_iterations
            )
            for column in potential.t().contiguous():
                total += (column[u] - column[v]).square_()
        return total / self.probes


def exact_resistance(adj: Adjacency) -> Tensor:
    r"""Effective resistance of every edge by a dense inverse, float64 ``[edges]``.

    :math:`L + \sum_c 1_c 1_c^T / n_c` over the components c is positive definite, and
    its inverse gives the same differences inside a component as :math:`L^+`.
    """
    if not adj.num_edges:
        return torch.zeros(0, dtype=torch.float64, device=adj.col.device)
    eye = torch.eye(adj.num_nodes, dtype=torch.float64, device=adj.col.device)
    component = _components(adj)
    share = component.bincount().double().reciprocal()
    same = component.unsqueeze(0) == component.unsqueeze(1)
    grounded = apply_laplacian(adj, eye) + same * share[component]
    inverse = torch.cholesky_inverse(torch.linalg.cholesky(grounded))
    u, v = edge_ends(adj)
    own = inverse.diagonal()
    return own[u] + own[v] - 2 * inverse[u, v]


def _components(adj: Adjacency) -> Tensor:
    """The number of each node's component, int64 ``[nodes]``."""
    slots = adj.col.new_ones(adj.num_arcs), adj.col, adj.rowptr
    shape = adj.num_nodes, adj.num_nodes
    matrix = csr_array(tuple(part.cpu().numpy() for part in slots), shape=shape)
    label = connected_components(matrix, directed=False)[1]
    return torch.from_numpy(label).long().to(adj.col.device)


def _random_flow(adj: Adjacency, generator: torch.Generator) -> Tensor:
    r"""What flows into each node if every edge carries 1 either way, :math:`B^T q`."""
    sign = torch.randint(2, (adj.num_edges,), generator=generator, dtype=torch.int8)
    sign = sign.to(adj.col.device).mul_(2).sub_(1)
    per_arc = sign[adj.edge()].double()
    if adj.undirected:  # out of the one arc's target and into its twin's
        per_arc *= torch.where(adj.row() < adj.col, 1.0, -1.0)
        return segment_reduce(adj.rowptr, per_arc)
    t_rowptr, _, t_perm = adj.transpose()
    out = segment_reduce(t_rowptr, per_arc[t_perm.long()])
    return segment_reduce(adj.rowptr, per_arc) - out
