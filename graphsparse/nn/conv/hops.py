"""Hops without weights of their own, for nets that propagate apart from their maps."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, Operator
from graphsparse.nn.conv.aggregate import multiply
from graphsparse.nn.conv.inputs import adjacency_of, count_nodes, dtype_of, weighted
from graphsparse.nn.features import Features


def graph_of(x: Features, graph: Any, edge_weight: Tensor | None = None) -> Adjacency:
    """The Adjacency of a graph of x's nodes under these weights, made once.

    Args:
        x: ``[nodes, features]``.
        graph: An ``edge_index``, an ``EdgeIndex`` or an Adjacency.
        edge_weight: ``[edges]``, in the caller's order.

    Raises:
        InputError: If x is no matrix of floats or has not a row for each node.
    """
    nodes = count_nodes(graph, x, x)
    if nodes is None:
        raise InputError(
            'x has to hold floats of shape [nodes, features], one row for each node '
            f'of the graph (got shape {list(getattr(x, "shape", ()))}).'
        )
    return weighted(adjacency_of(graph, nodes), edge_weight)


def gcn_matrix(x: Features, graph: Any, edge_weight: Tensor | None = None) -> Operator:
    r"""GCN's :math:`D^{-1/2} (A + I) D^{-1/2}` over x's nodes, kept with the graph.

    See :func:`graph_of` for the arguments.
    """
    return graph_of(x, graph, edge_weight).normalize(dtype=dtype_of(x))


def hop(matrix: Operator, h: Tensor) -> Tensor:
    """One hop, in the wider of the two types."""
    return multiply(matrix.pattern, h, matrix.value)
