from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.kernels.pattern import row_ids
from graphsparse.pruning.edges.base import EdgeScore


@dataclass(frozen=True)
class LocalDegreeScore(EdgeScore):
    r"""Every node keeps its edges to its best connected neighbours: the hub backbone.

    Node u ranks its neighbours by degree, the highest first; an edge is worth

    .. math:: \max_{(u, v)} \; 1 - \log(rank_u(v)) / \log(d_u)

    over its two ends, 1 where :math:`d_u = 1`. So a node keeps about
    :math:`d_u^{\alpha}` edges at threshold :math:`1 - \alpha` and loses none of the
    last ones (Hamann, Lindner, Meyerhenke, Staudt & Wagner, "Structure-Preserving
    Sparsification Methods for Social Networks", SNAM 2016, section 4.5).

    Neighbours of equal degree share the rank of the first of them, so that no order
    of the nodes decides. In a directed graph a target ranks its sources by their
    out-degree, a source its targets by their in-degree.
    """

    def score(self, adj: Adjacency, x: Tensor | None, seed: int) -> Tensor:
        """In [0, 1]."""
        t_rowptr, t_col, t_perm = adj.transpose()
        in_degree, out_degree = adj.degree(), t_rowptr.diff()
        by_target = _worth(adj.rowptr, out_degree[adj.col])
        slot = adj.edge_slot()
        if adj.undirected:
            twin = t_perm[slot].long()
            return torch.maximum(by_target[slot], by_target[twin])
        by_source = torch.empty_like(by_target)
        by_source[t_perm.long()] = _worth(t_rowptr, in_degree[t_col])
        return torch.maximum(by_target, by_source)


def _worth(rowptr: Tensor, degree: Tensor) -> Tensor:
    """Worth of each slot to its row, by ``degree`` of the other end ``[slots]``."""
    if not degree.numel():
        return degree.double()
    row, top = row_ids(rowptr, degree.numel()), int(degree.max())
    key, order = torch.sort(row * (top + 1) + (top - degree))
    place = torch.arange(key.numel(), device=key.device)
    first = torch.ones_like(key, dtype=torch.bool)
    first[1:] = key[1:] != key[:-1]
    # Rows stay where they are, so the sorted slots have the rows of the given ones.
    rank = place.masked_fill_(~first, 0).cummax(0).values - rowptr[row]
    log_degree = rowptr.diff().double().log()
    share = rank.add_(1).double().log_() / log_degree[row]
    worth = torch.empty_like(share)
    worth[order] = 1 - share.nan_to_num_(0.0)  # 0 / 0: the only neighbour
    return worth
