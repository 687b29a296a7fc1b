from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric import nn as pyg

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, Block
from graphsparse.nn.conv.aggregate import multiply
from graphsparse.nn.conv.base import SparseConv, unserved
from graphsparse.nn.conv.inputs import (
    adjacency_of,
    count_nodes,
    dtype_of,
    hand_over,
    still_there,
    weighted,
)
from graphsparse.nn.features import (
    Features,
    apply_linear,
    as_dense,
    as_sparse,
    is_plain,
)


class GCNConv(SparseConv, pyg.GCNConv):
    r""":class:`torch_geometric.nn.GCNConv` on sparse kernels (Kipf & Welling 2017).

    :math:`D^{-1/2} (A + I) D^{-1/2} X \Theta`

    The one conv that reads edge weights: those of the Adjacency, or ``edge_weight``
    over the caller's edges. A soft mask multiplies A before it is normalised, and
    gradients reach it through the degrees. The normalised matrix is kept with the
    graph it belongs to, whatever ``cached`` says, so another graph gets another one.

    Shapes: ``x`` ``[nodes, in_channels]``, ``edge_weight`` ``[edges]``; returns
    ``[nodes, out_channels]``.

    Raises:
        InputError: If x and an Adjacency differ in their number of nodes, an entry of
            ``edge_index`` names no node, or a weight is not finite.
    """

    def forward(
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        """Propagate over the normalised graph, on the narrower side of the layer."""
        nodes = count_nodes(edge_index, x, x)
        why = unserved(self, edge_index, nodes)
        if why is not None:
            return self._forward_in_pyg(as_dense(x), edge_index, edge_weight, why)
        adj = weighted(adjacency_of(edge_index, nodes), edge_weight)
        pattern, value = _operator(self, adj, dtype_of(x))
        features = as_sparse(x)
        wider = is_plain(self.lin) and self.in_channels <= self.out_channels
        if wider and isinstance(features, Tensor):
            out = apply_linear(self.lin, multiply(pattern, features, value))
        else:
            out = multiply(pattern, apply_linear(self.lin, features), value)
        return out if self.bias is None else out + self.bias

    def _forward_in_pyg(
        self, x: Tensor, graph: Any, edge_weight: Tensor | None, why: str
    ) -> Tensor:
        raw = hand_over(self, graph, why)
        if isinstance(graph, Block):
            raise InputError(
                f'GCNConv with {why} runs PyG, which would normalise {graph} by its '
                'own degrees. Leave that option out.'
            )
        if isinstance(graph, Adjacency) and edge_weight is None:
            edge_weight = _caller_weight(graph)
        else:
            edge_weight = still_there(graph, edge_weight)
        # PyG's `cached` would go on to answer for the graph it saw first.
        self._cached_edge_index = self._cached_adj_t = None
        # PyG writes `propagate` for this class from the next line:
        # propagate_type: (x: Tensor, edge_weight: OptTensor)
        return super().forward(x, raw, edge_weight)


def _operator(
    conv: pyg.GCNConv, adj: Adjacency, dtype: torch.dtype
) -> tuple[Any, Tensor | None]:
    """Pattern and values of the matrix that ``conv`` propagates with."""
    dtype = dtype if adj.weight is None else adj.weight.dtype
    if not conv.normalize:
        return adj.pattern('given'), adj.values(dtype)
    # PyG adds every loop with weight 1 where the graph has no weights, improved or not.
    fill_value = 2.0 if conv.improved and adj.weight is not None else 1.0
    return adj.normalize(conv.add_self_loops, fill_value, dtype)


def _caller_weight(adj: Adjacency) -> Tensor | None:
    """The weights in the order of :meth:`Adjacency.to_edge_index`."""
    if adj.weight is None or adj.loop_weight is None:
        return None
    order = torch.argsort(torch.cat([adj.edge_id, adj.loop_id]))
    return torch.cat([adj.weight, adj.loop_weight])[order]
