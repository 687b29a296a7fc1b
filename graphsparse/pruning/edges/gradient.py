from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.pruning.edges.ends import sum_over_twins


def gradient_score(
    adj: Adjacency,
    loss_fn: Callable[[Tensor], Tensor],
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    r"""How much a loss would feel it if an edge were a little weaker.

    :math:`|\partial L / \partial a|` of each arc, added up over the two arcs of an
    undirected edge. At weight 1 this is the connection sensitivity of SNIP (Lee,
    Ajanthan & Torr, ICLR 2019, eq. 5) with edges for connections. It needs a model
    and a loss, so it is a function and no :class:`EdgeScore`.

    Args:
        adj: The graph.
        loss_fn: The loss as a function of the weights of the caller's edges,
            ``[adj.num_input]``, for instance
            ``lambda w: F.cross_entropy(model(x, edge_index, w)[train], y[train])``.
            Called once, at the graph's own weights or at 1.
        dtype: Of the weights where the graph has none.

    Returns:
        float64 ``[adj.num_edges]``, for :func:`~graphsparse.pruning.select_edges`.

    Raises:
        InputError: If the loss is no single finite number, does not depend on the
            weights, or its gradient is not finite.
    """
    given, loops = adj.weight, adj.loop_weight
    if given is not None:
        dtype = given.dtype
    weight = torch.ones(adj.num_input, dtype=dtype, device=adj.col.device)
    if given is not None:
        weight[adj.edge_id] = given.detach()
    if loops is not None:
        weight[adj.loop_id] = loops.detach()
    weight.requires_grad_()
    with torch.enable_grad():
        loss = loss_fn(weight)
    if not isinstance(loss, Tensor) or loss.numel() != 1 or not loss.isfinite():
        raise InputError(f'loss_fn has to give one finite number (got {loss}).')
    grad = None
    if loss.requires_grad:
        grad = torch.autograd.grad(loss.sum(), weight, allow_unused=True)[0]
    if grad is None:
        raise InputError(
            'The loss does not depend on the edge weights: does the model take an '
            'edge_weight, and does loss_fn hand it on without detaching it?'
        )
    if not grad.isfinite().all():
        raise InputError('The gradient of the loss to an edge weight is not finite.')
    return sum_over_twins(adj, grad[adj.edge_id].abs().double())
