from __future__ import annotations

from torch import Tensor
from torch.nn import functional as F
from torch_geometric import nn as pyg

from graphsparse.graph import Adjacency, Operator
from graphsparse.nn.conv.aggregate import aggregate
from graphsparse.nn.conv.base import SparseConv, reduction, unserved
from graphsparse.nn.conv.inputs import (
    adjacency_of,
    both_ends,
    count_nodes,
    dense_ends,
    hand_over,
    hand_over_size,
)
from graphsparse.nn.features import (
    Features,
    apply_linear,
    as_dense,
    as_sparse,
    is_plain,
)


class SAGEConv(SparseConv, pyg.SAGEConv):
    r""":class:`torch_geometric.nn.SAGEConv` on sparse kernels (Hamilton et al. 2017).

    :math:`W_1 x_i + W_2 \, \mathrm{mean}_j \, x_j`

    Under a soft mask m the mean is :math:`\sum m_j x_j / \sum m_j`, and 0 where that
    divides by 0; a sum is that of :math:`m_j x_j`; a maximum or minimum is over the
    neighbours with :math:`m_j > 0`.

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
        """Aggregate neighbours, transform them and the node itself."""
        x_src, x_dst = both_ends(x)
        nodes = count_nodes(edge_index, x_src, x_dst, size)
        why = unserved(self, edge_index, nodes)
        if why is not None:
            # PyG writes `propagate` for this class from the next line:
            # propagate_type: (x: OptPairTensor)
            raw = hand_over(self, edge_index, why)
            return super().forward(dense_ends(x), raw, hand_over_size(edge_index, size))
        adj = adjacency_of(edge_index, nodes)
        if self.project:
            x_src = apply_linear(self.lin, x_src).relu()
        out = self._aggregate(adj, as_sparse(x_src), reduction(self) or 'mean')
        if self.root_weight and x_dst is not None:
            out = out + apply_linear(self.lin_r, x_dst)
        return F.normalize(out, p=2.0, dim=-1) if self.normalize else out

    def _aggregate(self, adj: Adjacency, x: Features, reduce: str) -> Tensor:
        """Aggregate and transform: sums and means on the narrower side."""
        narrows = isinstance(x, Operator) or self.out_channels < x.size(1)
        if reduce in ('sum', 'mean') and narrows and is_plain(self.lin_l):
            out = aggregate(adj, apply_linear(self.lin_l, x, bias=False), reduce)
            bias = self.lin_l.bias  # under autocast of another type than the product
            return out if bias is None else out + bias.to(out.dtype)
        return apply_linear(self.lin_l, aggregate(adj, as_dense(x), reduce))
