from __future__ import annotations

import copy

from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import select

from graphsparse.engine import InputError


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
        InputError: If ``data`` holds an ``adj_t`` too, where the edges would live on.
    """
    if data.get('adj_t') is not None:
        raise InputError(
            'The Data holds adj_t, in which removed edges would live on. Sparsify '
            'before ToSparseTensor, or keep edge_index only.'
        )
    out = copy.copy(data)
    out.num_nodes = data.num_nodes
    for key, value in data:
        if key.startswith('edge_label') or not data.is_edge_attr(key):
            continue
        out[key] = select(value, edge_mask, dim=data.__cat_dim__(key, value))
    return out
