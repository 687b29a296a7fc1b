"""From what users hold to an Adjacency."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary
from torch_geometric import EdgeIndex

from graphsparse.engine import InputError
from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.check import check_edge_index


def to_adjacency(
    graph: Any,
    num_nodes: int | tuple[int, int] | None = None,
    edge_weight: Tensor | None = None,
    undirected: bool | None = None,
) -> Adjacency:
    """Any graph a PyG user holds, as an :class:`Adjacency`.

    Args:
        graph: An ``edge_index`` tensor or ``EdgeIndex``; a PyG ``Data``, in which an
            Adjacency may stand as ``edge_index``; a torch sparse
            matrix in PyG's ``adj_t`` form (row = target); a scipy sparse matrix (row =
            source, as PyG reads it); a networkx graph (nodes are numbered in their
            order); or an Adjacency, returned as it is.
        num_nodes: Needed for an ``edge_index``, else read off.
        edge_weight: One number an edge, for an ``edge_index``.
        undirected: See :meth:`Adjacency.from_edge_index`.

    Raises:
        InputError: If the graph is of another kind or malformed.
    """
    if isinstance(graph, Adjacency):
        return graph
    if hasattr(graph, 'edge_index') and hasattr(graph, 'num_nodes'):
        edge_weight = graph.get('edge_weight')
        if isinstance(graph.edge_index, Adjacency):
            return _weighted(graph.edge_index, edge_weight)
        num_nodes = graph.num_nodes
        graph = _data_edge_index(graph)
    if isinstance(graph, EdgeIndex):
        rows, cols = graph.sparse_size()
        if num_nodes is None and rows is not None and cols is not None:
            num_nodes = rows if rows == cols else (rows, cols)
        graph = graph.as_tensor()
    if isinstance(graph, Tensor) and graph.layout != torch.strided:
        graph, num_nodes, edge_weight = _from_torch_sparse(graph)
    elif hasattr(graph, 'tocoo'):
        graph, num_nodes, edge_weight = _from_scipy(graph.tocoo())
    elif hasattr(graph, 'edges') and hasattr(graph, 'is_directed'):
        graph, num_nodes, edge_weight = _from_networkx(graph)
    elif not isinstance(graph, Tensor):
        raise InputError(
            f'Cannot read a graph from {type(graph).__name__}. Give an edge_index, '
            'Data, torch sparse tensor, scipy matrix or networkx graph; a HeteroData '
            'one edge type at a time.'
        )
    if num_nodes is None:
        raise InputError(
            'An edge_index does not tell its number of nodes: give num_nodes.'
        )
    return Adjacency.from_edge_index(graph, num_nodes, edge_weight, undirected)


def check_graph(graph: Tensor | Adjacency, num_nodes: int) -> None:
    """InputError unless an ``edge_index``, or what stands for it, has these nodes."""
    if not isinstance(graph, Adjacency):
        check_edge_index(graph, num_nodes, num_nodes)
    elif (graph.num_src, graph.num_dst) != (num_nodes, num_nodes):
        raise InputError(f'{graph} is no graph of the {num_nodes} nodes that x has.')


def _weighted(adj: Adjacency, edge_weight: Tensor | None) -> Adjacency:
    return adj if edge_weight is None else adj.with_weight(edge_weight)


def _data_edge_index(data: Any) -> Tensor:
    if data.edge_index is None:
        raise InputError('The Data has no edge_index.')
    return data.edge_index


def _square(rows: int, cols: int) -> int | tuple[int, int]:
    return rows if rows == cols else (rows, cols)


def _from_torch_sparse(matrix: Tensor) -> tuple[Tensor, Any, Tensor | None]:
    if matrix.layout != torch.sparse_coo:
        indices, edge_weight = matrix.to_sparse_coo()._indices(), matrix.values()
    elif matrix.is_coalesced():
        indices, edge_weight = matrix.indices(), matrix.values()
    elif matrix.requires_grad:
        raise InputError(
            'An uncoalesced sparse matrix passes no gradient on: coalesce() it first.'
        )
    else:
        indices, edge_weight = matrix._indices(), matrix._values()  # with duplicates
    dst, src = indices
    if edge_weight.dim() != 1:
        raise InputError('A sparse matrix has to hold one number an entry.')
    return torch.stack([src, dst]), _square(matrix.size(1), matrix.size(0)), edge_weight


def _from_scipy(matrix: Any) -> tuple[Tensor, Any, Tensor]:
    ends = [torch.as_tensor(i, dtype=torch.int64) for i in (matrix.row, matrix.col)]
    return torch.stack(ends), _square(*matrix.shape), torch.as_tensor(matrix.data)


def _from_networkx(graph: Any) -> tuple[Tensor, int, Tensor | None]:
    number = {node: i for i, node in enumerate(graph)}
    edges = [(number[u], number[v], w) for u, v, w in graph.edges(data='weight')]
    if not graph.is_directed():
        edges += [(v, u, w) for u, v, w in edges if u != v]
    ends = torch.tensor([e[:2] for e in edges], dtype=torch.int64).view(-1, 2).t()
    weights = [w for _, _, w in edges]
    if all(w is None for w in weights):
        return ends, len(number), None
    weights = [1.0 if w is None else float(w) for w in weights]  # as networkx reads it
    return ends, len(number), torch.tensor(weights)


_converted = WeakTensorKeyDictionary()


def cached_adjacency(edge_index: Tensor, num_nodes: int | tuple[int, int]) -> Adjacency:
    """The Adjacency of a raw ``edge_index``, made once per tensor.

    Known again by the tensor's identity and version, so every layer of a model and
    every epoch share it, and an edit in place makes a new one. It goes with the
    tensor. Edits behind torch's back (``.data``, a shared numpy array) are not seen.
    """
    if edge_index.is_inference():  # counts no versions: an edit would not be seen
        return to_adjacency(edge_index, num_nodes)
    known = _converted.get(edge_index)
    stamp = (edge_index._version, num_nodes)
    if known is None or known[0] != stamp:
        known = stamp, to_adjacency(edge_index, num_nodes)
        _converted[edge_index] = known
    return known[1]
