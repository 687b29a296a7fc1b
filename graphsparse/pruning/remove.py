from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch_geometric.data import Batch, Data
from torch_geometric.data.storage import EdgeStorage
from torch_geometric.utils import select

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.graph.check import check_mask


def remove_edges(data: Data, edge_mask: Tensor) -> Data:
    """``data`` without the edges that ``edge_mask`` leaves out; they are gone.

    Args:
        data: Any PyG ``Data``; never changed.
        edge_mask: Boolean over ``data.edge_index``'s columns, True = kept.

    Returns:
        A shallow copy in which everything PyG counts as an edge attribute follows
        the mask. Nodes stay, also where they are isolated now, and so do
        ``edge_label`` and ``edge_label_index``: those are targets, not messages.

    Raises:
        InputError: If ``data`` holds an ``adj_t`` too, where the edges would live on,
            or the mask is not boolean with one entry an edge.
    """
    if isinstance(data.edge_index, Adjacency):
        raise InputError(
            'An Adjacency stands as edge_index, whose positions do not change. Take '
            'edges out of it with Adjacency.keep_edges or Adjacency.subgraph.'
        )
    check_mask(edge_mask, data.num_edges, 'edges')
    if data.get('adj_t') is not None:
        raise InputError(
            'The Data holds adj_t, in which removed edges would live on. Sparsify '
            'before ToSparseTensor, or keep edge_index only.'
        )
    out = copy.copy(data)
    cut = follow(data, edge_mask, data.__cat_dim__)
    for key, value in cut.items():
        out[key] = value
    if isinstance(data, Batch):
        _move_slices(out, cut, edge_mask)
    if 'num_nodes' not in data and out.num_nodes != data.num_nodes:
        out.num_nodes = data.num_nodes  # was guessed from edges that are gone
    return out


def follow(
    store: Data | EdgeStorage, edge_mask: Tensor, cat_dim: Callable[[str, Any], Any]
) -> dict[str, Any]:
    """What of a ``Data``, or of one edge type, follows an edge mask: cut, by name.

    Args:
        store: Holds edge attributes, and other things.
        edge_mask: Boolean over its edges.
        cat_dim: Along which dimension edges stand, from name and value.
    """
    return {
        key: _select(store[key], edge_mask, cat_dim(key, store[key]))
        for key in store.keys()  # noqa: SIM118
        # With as many edges as nodes PyG takes a loader's edge ids for the nodes'.
        if 'edge_label' not in key and (key == 'e_id' or store.is_edge_attr(key))
    }


def _select(value: Any, edge_mask: Tensor, dim: int) -> Any:
    if isinstance(value, np.ndarray):  # PyG counts it as an attribute, but cuts none
        return value.compress(edge_mask.cpu().numpy(), axis=dim)
    return select(value, edge_mask, dim=dim)


def _move_slices(batch: Batch, followers: Iterable[str], edge_mask: Tensor) -> None:
    """Where each graph's edges begin now, so that the batch still comes apart."""
    before = torch.cat([edge_mask.new_zeros(1).long(), edge_mask.cumsum(0)]).cpu()
    slices = dict(batch._slice_dict)
    for key in followers:
        slices[key] = before[slices[key]]
    batch._slice_dict = slices
