from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F
from torch_geometric import nn as pyg

from graphsparse.graph import Adjacency
from graphsparse.graph.operator import in_slot_order
from graphsparse.kernels import Pattern, sddmm, segment_softmax
from graphsparse.nn.conv.aggregate import multiply, with_loops
from graphsparse.nn.conv.attention import masked_softmax
from graphsparse.nn.conv.base import SparseConv, unserved
from graphsparse.nn.conv.inputs import (
    Nodes,
    adjacency_of,
    count_nodes,
    hand_over,
    hand_over_size,
    still_there,
)


class GATConv(SparseConv, pyg.GATConv):
    r""":class:`torch_geometric.nn.GATConv` on sparse kernels (Velickovic et al. 2018).

    :math:`\sum_j \mathrm{softmax}_j(e_{ij}) \, \Theta x_j` with
    :math:`e_{ij} = \mathrm{LeakyReLU}(a_s^T \Theta x_j + a_t^T \Theta x_i)`

    Under a soft mask m an arc weighs :math:`m_j \exp(e_{ij}) / \sum_k m_k
    \exp(e_{ik})`; self-loops have m = 1.

    Shapes: ``x`` ``[nodes, in_channels]`` or a pair of sources and targets, of which
    the targets may be None; returns ``[targets, heads * out_channels]``, or
    ``[targets, out_channels]`` without ``concat``.

    Raises:
        InputError: If x and an Adjacency differ in their number of nodes, or an entry
            of ``edge_index`` names no node.
    """

    def forward(
        self,
        x: Tensor | tuple[Tensor, Tensor | None],
        edge_index: Tensor | Adjacency,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
        return_attention_weights: bool | None = None,
    ) -> Any:
        """Attend to neighbours; PyG's pair if attention weights are asked for."""
        x_src, x_dst = (x, x) if isinstance(x, Tensor) else x
        nodes = count_nodes(edge_index, x_src, x_dst, size)
        why = _unserved(self, nodes, edge_attr, return_attention_weights)
        why = why or unserved(self, edge_index, nodes)
        if why is not None:
            # PyG writes two methods for this class from the next lines:
            # edge_updater_type: (alpha: OptPairTensor, edge_attr: OptTensor)
            # propagate_type: (x: OptPairTensor, alpha: Tensor)
            return super().forward(
                x,
                hand_over(self, edge_index, why),
                still_there(edge_index, edge_attr),
                hand_over_size(edge_index, size),
                return_attention_weights,
            )
        adj = adjacency_of(edge_index, nodes)
        res = None if self.res is None or x_dst is None else self.res(x_dst)
        x_src, x_dst = _project(self, x_src, x_dst)
        pattern = adj.pattern('all' if self.add_self_loops else 'given')
        slots = in_slot_order(pattern)
        score = F.leaky_relu(
            _scores(self, slots, x_src, x_dst, adj.num_dst), self.negative_slope
        )
        if adj.mask is None:
            attention = segment_softmax(slots.rowptr, score)
        else:
            mask = with_loops(adj.mask.to(score.dtype), pattern)
            mask = mask if pattern.perm is None else mask[pattern.perm]
            attention = masked_softmax(slots.rowptr, score, mask)
        attention = F.dropout(attention, self.dropout, self.training)
        out = multiply(slots, x_src, attention)
        out = out.flatten(1) if self.concat else out.mean(dim=1)
        for term in (res, self.bias):
            out = out if term is None else out + term
        return out


def _unserved(
    conv: pyg.GATConv, nodes: Nodes | None, edge_attr: Tensor | None, weights: Any
) -> str | None:
    """The option of attention alone for which PyG's own forward has to run."""
    if edge_attr is not None:
        return 'edge_attr'
    if weights:
        return 'return_attention_weights'
    if conv.add_self_loops and nodes is not None and nodes[0] != nodes[1]:
        return 'self-loops between two node sets'
    return None


def _project(
    conv: pyg.GATConv, x_src: Tensor, x_dst: Tensor | None
) -> tuple[Tensor, Tensor | None]:
    """Both ends transformed, ``[nodes, heads, out_channels]``."""
    shape = (-1, conv.heads, conv.out_channels)
    shared = conv.lin is not None
    src = (conv.lin if shared else conv.lin_src)(x_src).view(shape)
    if x_dst is None or (shared and x_dst is x_src):
        return src, None if x_dst is None else src
    return src, (conv.lin if shared else conv.lin_dst)(x_dst).view(shape)


def _scores(
    conv: pyg.GATConv, slots: Pattern, src: Tensor, dst: Tensor | None, num_dst: int
) -> Tensor:
    """Source term plus target term of every slot, ``[slots, heads]``.

    The sum is written as <(t, 1), (1, s)>: a product at the non-zeros gathers both
    terms in one pass, and its gradient is a sparse product rather than a scatter.
    """
    source = (src * conv.att_src).sum(-1)
    target = source.new_zeros(num_dst, conv.heads)
    if dst is not None:
        target = (dst * conv.att_dst).sum(-1)
    return sddmm(
        slots,
        torch.stack([target, torch.ones_like(target)], -1),
        torch.stack([torch.ones_like(source), source], -1),
    )
