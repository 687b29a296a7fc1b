from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.kernels import Pattern, spmm
from graphsparse.pruning.edges.base import EdgeScore, multiply_ends


@dataclass(frozen=True)
class TeddyScore(EdgeScore):
    r"""Degrees of both ends and of their neighbours (Seo et al., TEDDY, ICLR 2024).

    .. math::
        T(v) = d(v)^{-a} \cdot \frac{1}{d(v)} \sum_{w \sim v} d(w)^{-b},
        \qquad T(u, v) = T(u) \, T(v)

    Edges between hubs whose neighbours are hubs score lowest. Linear in the edges,
    never nodes x nodes; no number for each arc is made of an undirected graph. In a
    directed graph the source counts by out-degree and its successors, the target by
    in-degree and its predecessors.

    Args:
        a: Exponent of the node's own degree; 1/2 is the paper's figure read
            strictly, 1 what its code does.
        b: Exponent of the neighbours' degrees.
        count_loops: Self-loops count in degrees and neighbourhoods, as in the
            authors' code.
    """

    a: float = 1.0
    b: float = 0.5
    count_loops: bool = False

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """Product of the two ends' node scores."""
        return multiply_ends(adj, *self.node_scores(adj))

    def node_scores(self, adj: Adjacency) -> tuple[Tensor, Tensor]:
        """T of every node as a source and as a target, float64 ``[nodes]`` each.

        The two are one tensor's values in an undirected graph; isolated nodes get 0.
        """
        out_degree, in_degree = adj.out_degree().double(), adj.degree().double()
        loops = None
        if self.count_loops and adj.num_loops:
            loops = torch.bincount(adj.loop, minlength=adj.num_nodes).double()
            out_degree, in_degree = out_degree + loops, in_degree + loops
        as_target = self._mean_level(adj.rowptr, adj.col, in_degree, out_degree, loops)
        if adj.undirected:
            return as_target, as_target
        t_rowptr, t_col, _ = adj.transpose()
        as_source = self._mean_level(t_rowptr, t_col, out_degree, in_degree, loops)
        return as_source, as_target

    def _mean_level(
        self,
        rowptr: Tensor,
        col: Tensor,
        degree: Tensor,
        neighbour_degree: Tensor,
        loops: Tensor | None,
    ) -> Tensor:
        """``degree^-a`` times the mean of ``neighbour_degree^-b`` over each row."""
        level = _power(neighbour_degree, -self.b)
        neighbours = Pattern(rowptr, col, None, None, None, None)
        total = spmm(neighbours, level.view(-1, 1)).view(-1)
        if loops is not None:
            total = total + loops * level
        return _power(degree, -self.a) * total / degree.clamp(min=1)


def _power(degree: Tensor, exponent: float) -> Tensor:
    """``degree ** exponent``, and 0 where the degree is 0."""
    return torch.where(degree > 0, degree.clamp(min=1).pow(exponent), 0.0)
