"""What a conv is given: sizes, graphs, and entries for each edge."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric import EdgeIndex
from torch_geometric.nn import MessagePassing

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, Operator, cached_adjacency
from graphsparse.nn.features import Features, as_dense

Nodes = tuple[int, int]


def both_ends(x: Any) -> tuple[Features, Features | None]:
    """Features of sources and of targets, given once or as a pair."""
    return (x, x) if isinstance(x, Tensor | Operator) else x


def dense_ends(x: Any) -> Any:
    """What was given, as tensors."""
    if isinstance(x, Tensor | Operator):
        return as_dense(x)
    return tuple(end if end is None else as_dense(end) for end in x)


def dtype_of(x: Features) -> torch.dtype:
    """Type of the numbers."""
    return x.value.dtype if isinstance(x, Operator) else x.dtype


def count_nodes(
    graph: Any, x_src: Features, x_dst: Features | None, size: Any = None
) -> Nodes | None:
    """How many sources and targets there are; None if the inputs contradict.

    Raises:
        InputError: If an Adjacency is one of the contradicting.
    """
    if isinstance(x_src, Tensor):
        if x_src.dim() != 2 or not x_src.is_floating_point():
            return None
    elif not isinstance(x_src, Operator):
        return None
    given = size or (None, None)
    if isinstance(graph, EdgeIndex):
        given = graph.sparse_size()
    elif isinstance(graph, Adjacency):
        given = (graph.num_src, graph.num_dst)
    num_src = _num_rows(x_src)
    num_dst = num_src if given[1] is None else given[1]
    if x_dst is not None:
        num_dst = _num_rows(x_dst)
    nodes = (num_src, num_dst)
    sizes = [given] if size is None else [given, size]
    if all(want in (None, n) for s in sizes for want, n in zip(s, nodes, strict=True)):
        return nodes
    if isinstance(graph, Adjacency):
        raise InputError(
            f'x has {num_src} rows for sources and {num_dst} for targets'
            f'{f", size is {tuple(size)}" if size else ""}, but the graph is {graph}.'
        )
    return None


def _num_rows(x: Features) -> int:
    return x.num_rows if isinstance(x, Operator) else x.size(0)


def adjacency_of(graph: Any, nodes: Nodes | None) -> Adjacency:
    """The Adjacency of what :func:`unserved` let pass, made once per tensor.

    Raises:
        InputError: If an entry of a raw ``edge_index`` names no node.
    """
    assert nodes is not None
    if isinstance(graph, Adjacency):
        return graph
    return cached_adjacency(graph, nodes[0] if nodes[0] == nodes[1] else nodes)


_reweighted = WeakTensorKeyDictionary()


def weighted(adj: Adjacency, edge_weight: Tensor | None) -> Adjacency:
    """The graph under these weights; the same one again for fixed weights.

    So the layers of a model and the epochs of its training share one normalisation.
    """
    if edge_weight is None:
        return adj
    fixed = not (edge_weight.requires_grad or edge_weight.is_inference())
    if not fixed or torch.compiler.is_compiling():
        return adj.with_weight(edge_weight)
    stamp, known = edge_weight._version, _reweighted.get(edge_weight)
    if known is None or known[0] != stamp or known[1] is not adj:
        known = stamp, adj, adj.with_weight(edge_weight)
        _reweighted[edge_weight] = known
    return known[2]


def hand_over(conv: MessagePassing, graph: Any, why: str) -> Any:
    """The graph as PyG's own forward takes it.

    Raises:
        InputError: If it carries a soft mask, which PyG does not know.
    """
    if not isinstance(graph, Adjacency):
        return graph
    if graph.mask is not None:
        raise InputError(
            f'{type(conv).__name__} with {why} runs PyG, which knows no soft mask. '
            'Leave that option out, or remove edges with Adjacency.keep_edges.'
        )
    return graph.to_edge_index()


def hand_over_size(graph: Any, size: Any) -> Any:
    """The size as PyG's own forward takes it."""
    if isinstance(graph, Adjacency) and size is None:
        return (graph.num_src, graph.num_dst)
    return size


def still_there(graph: Any, per_edge: Tensor | None) -> Tensor | None:
    """Of one entry for each of the caller's edges those that the graph still holds.

    Raises:
        InputError: If there are more or fewer entries than edges.
    """
    if per_edge is None or not isinstance(graph, Adjacency):
        return per_edge
    if per_edge.size(0) != graph.num_input:
        raise InputError(
            f'There has to be an entry for each of the {graph.num_input} edges that '
            f'the graph was made of (got {per_edge.size(0)}).'
        )
    return per_edge[graph.kept_ids()]
