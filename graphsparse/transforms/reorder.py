from __future__ import annotations

import copy
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data
from torch_geometric.data.datapipes import functional_transform
from torch_geometric.transforms import BaseTransform
from torch_geometric.utils import select

from graphsparse.engine import InputError, resolve
from graphsparse.graph import to_adjacency
from graphsparse.graph.check import in_range
from graphsparse.kernels.layout import invert, sort_arcs
from graphsparse.transforms.node_order import NodeOrder, is_permutation


@functional_transform('reorder')
class Reorder(BaseTransform):
    r"""Renumbers the nodes so that neighbours stand close (functional name:
    :obj:`reorder`).

    Propagation gathers rows of features; where neighbours have close numbers the rows
    are in the cache already. What that gains is up to the graph, see
    ``python -m benchmarks.layout``: a shuffled grid propagates twice as fast and more
    under ``'rcm'``, shuffled communities under ``'partition'``; a power-law graph
    without communities has no better order and stays as it is.

    What PyG counts as a node attribute follows the nodes, what it counts as an edge
    attribute the edges, which are sorted by (target, source); node ids in
    ``*_index`` and ``face`` are renumbered, and ``edge_label*`` keeps its order. The
    result holds ``node_perm`` and ``edge_perm``, the old place of each node and edge,
    by which :meth:`undo` and :meth:`restore` go back.

    Args:
        order: Name or instance of an order: ``'rcm'`` (reverse Cuthill-McKee),
            ``'degree'`` (hubs first), ``'partition'`` (METIS; undirected graphs only).
        **options: Of the named order, as ``num_parts`` and ``seed``.
    """

    def __init__(self, order: str | NodeOrder = 'rcm', **options: Any) -> None:
        self.order = resolve(NodeOrder, order, **options)  # type: ignore[type-abstract]

    def forward(self, data: Data) -> Data:
        """A renumbered copy of ``data``."""
        _check(data)
        perm = self.order(to_adjacency(data))
        out = copy.copy(data)
        for key, size in (('node_perm', data.num_nodes), ('edge_perm', data.num_edges)):
            if (
                key not in data
            ):  # else what is there follows, and leads back all the way
                out[key] = torch.arange(size, device=perm.device)
        return _move(out, perm)

    @staticmethod
    def undo(data: Data) -> Data:
        """The graph as it was, to the order of its edges; edges may have gone since."""
        _check(data)
        node_perm, edge_perm = _node_perm(data), data.get('edge_perm')
        if edge_perm is None or edge_perm.numel() != data.num_edges:
            raise InputError('edge_perm does not fit: edges were added since Reorder.')
        out = _move(data, invert(node_perm), edge_perm.argsort())
        del out.node_perm, out.edge_perm
        return out

    @staticmethod
    def restore(out: Tensor, data: Data) -> Tensor:
        """Node outputs ``[nodes, ...]`` of the reordered ``data`` in the old order."""
        node_perm = _node_perm(data)
        if out.dim() == 0 or out.size(0) != node_perm.numel():
            raise InputError(
                f'One row for each of {node_perm.numel()} nodes is put back '
                f'(got shape {list(out.shape)}).'
            )
        return out[invert(node_perm).to(out.device)]

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.order})'


def _check(data: Any) -> None:
    if not isinstance(data, Data) or isinstance(data, Batch):
        raise InputError(
            f'Reorder takes one Data (got {type(data).__name__}); of a batch each '
            'graph before batching.'
        )
    if data.get('adj_t') is not None:
        raise InputError('The Data holds adj_t. Reorder before ToSparseTensor.')


def _node_perm(data: Data) -> Tensor:
    perm = data.get('node_perm')
    if perm is None:
        raise InputError('The Data holds no node_perm: Reorder did not make it.')
    if not is_permutation(perm, data.num_nodes):
        raise InputError('node_perm does not hold every node once: is this a part?')
    return perm


def _move(data: Data, node_perm: Tensor, edge_perm: Tensor | None = None) -> Data:
    """A copy in which node and edge ``i`` are what stood at ``perm[i]``.

    Without ``edge_perm`` edges are sorted by their new (target, source).
    """
    out, new_id = copy.copy(data), invert(node_perm)
    num_nodes = node_perm.numel()
    moved = {key: _renumber(data, key, new_id) for key in _id_keys(data)}
    if edge_perm is None:
        src, dst = moved['edge_index'].long()
        edge_perm = sort_arcs(src, dst, num_nodes, num_nodes, loops_apart=False)[2]
    moved['edge_index'] = moved['edge_index'][:, edge_perm]
    for key, value in data.items():
        if key in moved or 'edge_label' in key:
            continue
        if data.is_node_attr(key):
            moved[key] = _take(value, node_perm, data.__cat_dim__(key, value))
        elif data.is_edge_attr(key):
            moved[key] = _take(value, edge_perm, data.__cat_dim__(key, value))
    for key, value in moved.items():
        out[key] = value
    return out


def _id_keys(data: Data) -> list[str]:
    """What holds node ids, going by PyG's names: ``edge_index``, ``face`` and so on."""
    return [
        key
        for key, value in data.items()
        if ('index' in key or key == 'face')
        and isinstance(value, Tensor)
        and value.dtype in (torch.int32, torch.int64)
    ]


def _renumber(data: Data, key: str, new_id: Tensor) -> Tensor:
    ids = data[key].as_tensor() if isinstance(data[key], EdgeIndex) else data[key]
    if not in_range(ids, new_id.numel()):
        raise InputError(
            f'data.{key} names nodes from {int(ids.min())} to {int(ids.max())}, but '
            f'there are {new_id.numel()} nodes.'
        )
    return new_id[ids.long()].to(ids.dtype)


def _take(value: Any, perm: Tensor, dim: int) -> Any:
    if isinstance(value, np.ndarray):
        return value.take(perm.cpu().numpy(), axis=dim)
    taken = select(value, perm, dim)
    return tuple(taken) if isinstance(value, tuple) else taken
