from __future__ import annotations

import copy
from collections.abc import Sequence
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor
from torch_geometric.data import Data, HeteroData
from torch_geometric.data.datapipes import functional_transform
from torch_geometric.data.storage import EdgeStorage
from torch_geometric.transforms import BaseTransform

from graphsparse.engine import InputError, resolve
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.pruning import EdgeScore, remove_edges, select_edges
from graphsparse.pruning.budget import Count, count_kept
from graphsparse.pruning.remove import follow
from graphsparse.pruning.select import Selection, check_selection


def sparsify(
    edge_index: Tensor,
    score: str | EdgeScore = 'teddy',
    sparsity: float | None = None,
    keep: int | None = None,
    *,
    num_nodes: int,
    x: Tensor | None = None,
    select: Selection = 'global',
    seed: int = 0,
    **options: Any,
) -> tuple[Tensor, Tensor]:
    """Remove the edges of lowest score.

    Args:
        edge_index: ``[2, edges]``.
        score: Name or instance of an edge score.
        sparsity: Fraction of edges removed, in [0, 1): of pairs where every arc has
            its twin, of arcs otherwise. Self-loops stay and do not count.
        keep: Or the exact number of edges kept.
        num_nodes: How many nodes.
        x: Features ``[nodes, features]``, for scores that read them.
        select: ``'global'``, ``'per_node'`` or ``'connected'``.
        seed: For random scores.
        **options: Of the named score.

    Returns:
        The sparse ``edge_index`` and the boolean mask ``[edges]`` over the given
        one, True = kept.
    """
    score = resolve(EdgeScore, score, **options)  # type: ignore[type-abstract]
    adj = to_adjacency(edge_index, num_nodes)
    kept = select_edges(adj, score(adj, x, seed), select, sparsity, keep)
    edge_mask = adj.to_caller(kept, loops=True)
    return edge_index[:, edge_mask], edge_mask


@functional_transform('sparsify')
class Sparsify(BaseTransform):
    r"""Removes the edges of lowest score (functional name: :obj:`sparsify`).

    The edges are gone, not weighted 0; everything PyG counts as an edge attribute
    follows. Deterministic, so it serves as ``pre_transform`` too.

    Args:
        score: Name or instance of an edge score. (default: :obj:`"teddy"`)
        sparsity: Fraction of edges removed, in [0, 1): of pairs where every arc has
            its twin, of arcs otherwise. Self-loops stay and do not count.
        keep: Or the exact number of edges kept.
        select: ``'global'``, ``'per_node'`` (each node's best first) or
            ``'connected'`` (no node loses its last edge).
        count: How the removed number is rounded: ``'floor'``, ``'ceil'`` or
            ``'strict'``.
        per: In a batch of graphs, whether the sparsity holds for each ``'graph'``
            or for the ``'dataset'`` together.
        edge_types: Which edge types of a ``HeteroData`` are made sparse, each by
            itself.
        seed: For random scores.
        **options: Of the named score.
    """

    def __init__(
        self,
        score: str | EdgeScore = 'teddy',
        sparsity: float | None = None,
        keep: int | None = None,
        select: Selection = 'global',
        count: Count = 'floor',
        per: Literal['graph', 'dataset'] = 'graph',
        edge_types: Sequence[tuple[str, str, str]] | None = None,
        seed: int = 0,
        **options: Any,
    ) -> None:
        self.score = resolve(EdgeScore, score, **options)  # type: ignore[type-abstract]
        count_kept(max(keep or 0, 0), sparsity, keep, count)  # raises on bad input
        check_selection(select)
        if per not in ('graph', 'dataset'):
            raise InputError(f"per has to be 'graph' or 'dataset' (got {per!r}).")
        self.sparsity, self.keep = sparsity, keep
        self.select, self.count, self.per = select, count, per
        self.edge_types, self.seed = edge_types, seed

    def forward(self, data: Data | HeteroData) -> Data | HeteroData:
        """A sparse copy of ``data``."""
        if isinstance(data, HeteroData):
            return self._sparsify_types(data)
        adj = to_adjacency(data)
        return remove_edges(data, self._mask(adj, data.get('x'), data.get('batch')))

    def _mask(self, adj: Adjacency, x: Tensor | None, batch: Tensor | None) -> Tensor:
        score = self.score(adj, x, self.seed)
        if batch is None or self.per == 'dataset':
            kept = self._select(adj, score)
        else:
            graph = batch[adj.row()[adj.edge_slot()]]
            kept = torch.zeros_like(score, dtype=torch.bool)
            for number in graph.unique():
                own = graph == number
                kept[own] = self._select(adj.keep_edges(own), score[own])
        return adj.to_caller(kept, loops=True)

    def _select(self, adj: Adjacency, score: Tensor) -> Tensor:
        return select_edges(
            adj, score, self.select, self.sparsity, self.keep, self.count
        )

    def _sparsify_types(self, data: HeteroData) -> HeteroData:
        if not self.edge_types:
            raise InputError(
                'A HeteroData is made sparse one edge type at a time: give '
                f'edge_types=[...] out of {data.edge_types}.'
            )
        out = copy.copy(data)
        for kind in self.edge_types:
            if kind not in data.edge_types:
                raise InputError(f'No edge type {kind!r}; there are {data.edge_types}.')
            source, _, target = kind
            sizes = data[source].num_nodes, data[target].num_nodes
            same = source == target
            adj = to_adjacency(data[kind].edge_index, sizes[0] if same else sizes)
            mask = self._mask(adj, data[source].get('x') if same else None, None)
            cut = follow(data[kind], mask, partial(_cat_dim, data, data[kind]))
            for key, value in cut.items():
                out[kind][key] = value
        return out

    def __repr__(self) -> str:
        amount = (
            f'sparsity={self.sparsity}' if self.keep is None else f'keep={self.keep}'
        )
        return (
            f'{type(self).__name__}({self.score}, {amount}, select={self.select!r}, '
            f'count={self.count!r}, per={self.per!r}, edge_types={self.edge_types}, '
            f'seed={self.seed})'
        )


def _cat_dim(data: HeteroData, store: EdgeStorage, key: str, value: Any) -> Any:
    return data.__cat_dim__(key, value, store)
