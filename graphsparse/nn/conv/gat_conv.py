from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn import functional as F
from torch_geometric import nn as pyg

from graphsparse.graph import Adjacency
from graphsparse.kernels import gat_aggregate
from graphsparse.nn.conv.aggregate import with_loops
from graphsparse.nn.conv.base import SparseConv, unserved
from graphsparse.nn.conv.inputs import (
    Nodes,
    adjacency_of,
    both_ends,
    count_nodes,
    dense_ends,
    dtype_of,
    hand_over,
    hand_over_size,
    still_there,
)
from graphsparse.nn.features import Features, apply_linear, as_sparse, is_plain


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
        x: Features | tuple[Features, Features | None],
        edge_index: Tensor | Adjacency,
        edge_attr: Tensor | None = None,
        size: tuple[int, int] | None = None,
        return_attention_weights: bool | None = None,
    ) -> Any:
        """Attend to neighbours; PyG's pair if attention weights are asked for."""
        x_src, x_dst = both_ends(x)
        nodes = count_nodes(edge_index, x_src, x_dst, size)
        why = _unserved(self, nodes, edge_attr, return_attention_weights)
        why = why or unserved(self, edge_index, nodes)
        if why is not None:
            # PyG writes two methods for this class from the next lines:
            # edge_updater_type: (alpha: OptPairTensor, edge_attr: OptTensor)
            # propagate_type: (x: OptPairTensor, alpha: Tensor)
            return super().forward(
                dense_ends(x),
                hand_over(self, edge_index, why),
                still_there(edge_index, edge_attr),
                hand_over_size(edge_index, size),
                return_attention_weights,
            )
        adj = adjacency_of(edge_index, nodes)
        res = None
        if self.res is not None and x_dst is not None:
            res = apply_linear(self.res, x_dst)
        heads, source, target = _transform(self, x_src, x_dst, adj.num_dst)
        pattern = adj.pattern('all' if self.add_self_loops else 'given')
        out = gat_aggregate(
            pattern,
            heads.to(torch.promote_types(heads.dtype, source.dtype)),
            source,
            target,
            None if adj.mask is None else with_loops(adj.mask, pattern),
            self.negative_slope,
            *_dropout(self, heads.device),
        )
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


def _dropout(conv: pyg.GATConv, device: torch.device) -> tuple[float, Tensor | None]:
    """Probability and seed; drawn where torch draws, so that a seed sets it."""
    if not conv.training or conv.dropout == 0:
        return 0.0, None
    return conv.dropout, torch.randint(2**63 - 1, (), device=device)


def _transform(
    conv: pyg.GATConv, x_src: Features, x_dst: Features | None, num_dst: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Sources ``[nodes, heads, out_channels]``, and both terms of the scores."""
    shared = conv.lin is not None
    lin_src, lin_dst = (conv.lin,) * 2 if shared else (conv.lin_src, conv.lin_dst)
    x_src, x_dst = as_sparse(x_src), None if x_dst is None else as_sparse(x_dst)
    src = _by_head(conv, lin_src, x_src)
    if shared and x_dst is x_src:
        both = torch.cat([conv.att_src, conv.att_dst])
        source, target = _terms(lin_src, x_src, src, both).unbind(-1)
        return src, source, target
    source = _terms(lin_src, x_src, src, conv.att_src).squeeze(-1)
    if x_dst is None:
        return src, source, source.new_zeros(num_dst, conv.heads)
    dst = _by_head(conv, lin_dst, x_dst)
    return src, source, _terms(lin_dst, x_dst, dst, conv.att_dst).squeeze(-1)


def _by_head(conv: pyg.GATConv, linear: Module, x: Features) -> Tensor:
    return apply_linear(linear, x).view(-1, conv.heads, conv.out_channels)


def _terms(linear: Module, x: Features, by_head: Tensor, att: Tensor) -> Tensor:
    r"""What one end adds to scores: :math:`a^T \Theta x`, ``[nodes, heads, vectors]``.

    Where x is no wider than what it becomes, as :math:`(\Theta^T a)^T x`: one narrow
    product, and nothing of the size of nodes x heads x features in either direction.

    Args:
        linear: What makes ``by_head`` of x.
        x: ``[nodes, in_channels]``.
        by_head: ``[nodes, heads, out_channels]``.
        att: a, ``[vectors, heads, out_channels]``.
    """
    _, heads, channels = by_head.shape
    narrow = isinstance(x, Tensor) and x.size(1) <= heads * channels
    # (Under autocast the projection is in half precision, but PyG's scores are not.)
    narrow = narrow and dtype_of(x) == by_head.dtype
    if not narrow or not is_plain(linear) or linear.bias is not None:
        return torch.stack([(by_head * a).sum(-1) for a in att], -1)
    weight = linear.weight.view(heads, channels, x.size(1))
    folded = torch.einsum('hci,vhc->hvi', weight, att)
    return F.linear(x, folded.flatten(0, 1)).view(-1, heads, len(att))
