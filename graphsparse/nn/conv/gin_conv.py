from __future__ import annotations

from torch import Tensor
from torch_geometric import nn as pyg

from graphsparse.graph import Adjacency
from graphsparse.nn.conv.aggregate import aggregate
from graphsparse.nn.conv.base import SparseConv, reduction, unserved
from graphsparse.nn.conv.inputs import (
    adjacency_of,
    count_nodes,
    dense_ends,
    hand_over,
    hand_over_size,
)
from graphsparse.nn.features import Features


class GINConv(SparseConv, pyg.GINConv):
    r""":class:`torch_geometric.nn.GINConv` on sparse kernels (Xu et al. 2019).

    :math:`h((1 + \epsilon) x_i + \sum_j x_j)`

    Under a soft mask m the sum is that of :math:`m_j x_j`. ``aggr='mean'``,
    ``'max'`` and ``'min'`` are served too.

    Shapes: ``x`` ``[nodes, in_channels]`` or a pair of sources and targets, of which
    the targets may be None; returns ``[targets, out_channels]``.

    Raises:
        InputError: If x and an Adjacency differ in their number of nodes, or an entry
            of ``edge_index`` names no node.
    """

    reductions = ('sum', 'mean', 'max', 'min')

    def forward(
        self,
        x: Features | tuple[Features, Features | None],
        edge_index: Tensor | Adjacency,
        size: tuple[int, int] | None = None,
    ) -> Tensor:
        """Sum over neighbours, add the node itself, transform."""
        given = dense_ends(x)
        x_src, x_dst = (given, given) if isinstance(given, Tensor) else given
        nodes = count_nodes(edge_index, x_src, x_dst, size)
        why = unserved(self, edge_index, nodes)
        if why is not None:
            # PyG writes `propagate` for this class from the next line:
            # propagate_type: (x: OptPairTensor)
            raw = hand_over(self, edge_index, why)
            return super().forward(given, raw, hand_over_size(edge_index, size))
        adj = adjacency_of(edge_index, nodes)
        out = aggregate(adj, x_src, reduction(self) or 'sum')
        if x_dst is not None:
            out = out + (1 + self.eps) * x_dst
        return self.nn(out)
