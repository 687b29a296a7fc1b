from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.graph.operator import gcn_operator


@torch.no_grad()
def virgo_bounds(
    adj: Adjacency,
    widths: Sequence[int],
    direction: Literal['forward', 'backward'],
    x: Tensor | None = None,
) -> list[float]:
    r"""The r of weights uniform in (-r, r) for each layer of a GCN, by Virgo.

    Li, Wang, Zhang et al., "On the Initialization of Graph Neural Networks", ICML 2023:
    weights for which the variance of signals, or of gradients, stays as it is from
    layer to layer, on the graph at hand. With widths :math:`C_0, \dots, C_L`, N nodes,
    and variance :math:`r_l^2 / 3`, as released:

    - forward, with m the mean of each node's features: :math:`2 / C_0` for the first
      layer, as He et al., then :math:`2 / C_{l-1} \cdot \|\hat A^{l-1} m\|^2 /
      \|\hat A^l m\|^2`.
    - backward: :math:`N / ((C_L - 1) \|\hat A 1\|^2)` for the last layer, then, i
      layers before it, :math:`2 / C_{L-i} \cdot \|\hat A^i 1\|^2 /
      \|\hat A^{i+1} 1\|^2`.

    Args:
        adj: The graph; aggregation is GCN's.
        widths: Into the first layer, out of it, and so on: one more than layers.
        direction: What keeps its variance.
        x: Features ``[nodes, features]``; only 'forward' needs them.

    Raises:
        InputError: If features are missing, their means all 0, or there is one class.
    """
    layers = len(widths) - 1
    if direction == 'forward':
        if x is None:
            raise InputError(
                "mode='virgo_forward' starts from the features, and the graph has no "
                'x: give the Data, not its Adjacency.'
            )
        norms = _squared_norms(adj, x.mean(1, keepdim=True), layers)
        variances = [2 / widths[0]]
        variances += [
            2 / widths[layer] * norms[layer - 1] / norms[layer]
            for layer in range(1, layers)
        ]
    else:
        if widths[-1] < 2:
            raise InputError(
                f"mode='virgo_backward' needs two classes at least (got {widths[-1]})."
            )
        norms = _squared_norms(adj, torch.ones(adj.num_nodes, 1), layers)
        variances = [adj.num_nodes / ((widths[-1] - 1) * norms[0])]
        variances += [
            2 / widths[-1 - back] * norms[back - 1] / norms[back]
            for back in range(1, layers)
        ]
        variances.reverse()
    return [math.sqrt(3 * variance) for variance in variances]


def _squared_norms(adj: Adjacency, start: Tensor, layers: int) -> list[float]:
    """Squared norms of the vector after one hop, two hops, ..."""
    operator = gcn_operator(adj, True, 1.0, torch.float64)
    vector, norms = start.double().to(adj.col.device), []
    for _ in range(layers):
        vector = operator @ vector
        norms.append(float(vector.square().sum()))
    if not norms[-1] > 0:
        raise InputError(
            'The features of every node have mean 0: there is no signal whose variance '
            "could be kept. mode='virgo_backward' does without features."
        )
    return norms
