"""Masks are values: boolean tensors with the facts to check them by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, load_tensors, save_tensors
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.graph.check import check_mask
from graphsparse.kernels import pack_bits, unpack_bits
from graphsparse.pruning.remove import remove_edges

Graph = TypeVar('Graph', Data, Adjacency)


@dataclass(frozen=True, eq=False, repr=False)
class EdgeMask:
    """Which edges of one graph are kept.

    Attributes:
        keep: Boolean ``[num_edges]``, True = kept, in the Adjacency's edge order, so
            that it fits the graph however its edges are shuffled.
        digest: Of the graph it belongs to, see :meth:`Adjacency.digest`.
        undirected: Whether one entry stands for two twin arcs, or for one arc.
    """

    keep: Tensor
    digest: str
    undirected: bool

    @staticmethod
    def of(adj: Adjacency, keep: Tensor) -> EdgeMask:
        """The mask ``keep`` for the graph ``adj``."""
        keep = check_mask(keep, adj.num_edges, 'edges').cpu()
        return EdgeMask(keep, adj.digest(), adj.undirected)

    @property
    def num_kept(self) -> int:
        """How many edges stay."""
        return int(self.keep.sum())

    @property
    def sparsity(self) -> float:
        """The fraction of edges removed."""
        return 1 - self.num_kept / self.keep.numel() if self.keep.numel() else 0.0

    def __repr__(self) -> str:
        return f'EdgeMask({self.num_kept} of {self.keep.numel()} edges kept)'

    def to_caller(self, adj: Adjacency) -> Tensor:
        """The mask over the edge list that ``adj`` was made from; loops are kept.

        Raises:
            InputError: If the mask was made for another graph.
        """
        if adj.digest() != self.digest:
            raise InputError(
                f'The mask is for another graph: its digest is {self.digest[:12]}, '
                f"this one's {adj.digest()[:12]} ({adj}). Load the data the mask was "
                'made on, with the same edges and number of nodes.'
            )
        if adj.undirected != self.undirected:
            adj = adj.as_undirected() if self.undirected else adj.as_directed()
        keep = self.keep.to(adj.col.device)
        return adj.to_caller(keep, loops=True, absent=False)

    def apply(self, graph: Graph) -> Graph:
        """The graph without the edges that are not kept: they are gone.

        Args:
            graph: The ``Data`` or ``Adjacency`` the mask was made for, its edges in any
                order; not changed.

        Raises:
            InputError: If it was made for another graph.
        """
        edge_mask = self.to_caller(to_adjacency(graph))
        if isinstance(graph, Data):
            return remove_edges(graph, edge_mask)
        return graph.subgraph(edge_mask)

    def save(self, path: str | Path) -> None:
        """Write to a safetensors file, packed to bits, atomically."""
        facts = {'kind': 'edge_mask', **self.facts()}
        save_tensors(path, {'edge_mask': pack_bits(self.keep)}, facts)

    @staticmethod
    def load(path: str | Path) -> EdgeMask:
        """Read what :meth:`save` wrote."""
        tensors, facts = load_tensors(path)
        _check_kind(path, facts, 'edge_mask')
        return EdgeMask.unpack(tensors['edge_mask'], facts)

    def facts(self) -> dict[str, Any]:
        """What :meth:`unpack` needs beside the bits, JSON-able."""
        return {
            'size': self.keep.numel(),
            'digest': self.digest,
            'undirected': self.undirected,
        }

    @staticmethod
    def unpack(packed: Tensor, facts: Mapping[str, Any]) -> EdgeMask:
        """The mask of packed bits and :meth:`facts`."""
        keep = unpack_bits(packed, (facts['size'],))
        return EdgeMask(keep, facts['digest'], facts['undirected'])


@dataclass(frozen=True, eq=False, repr=False)
class WeightMask:
    """Which weights of a model are kept.

    Attributes:
        keep: By parameter name, booleans of the parameter's shape, True = kept. The
            names are the method's prunable set; all other parameters are dense.
    """

    keep: Mapping[str, Tensor]

    @property
    def num_kept(self) -> int:
        """How many weights of the prunable set stay."""
        return sum(int(mask.sum()) for mask in self.keep.values())

    @property
    def num_total(self) -> int:
        """Size of the prunable set."""
        return sum(mask.numel() for mask in self.keep.values())

    @property
    def sparsity(self) -> float:
        """The fraction of the prunable set removed."""
        return 1 - self.num_kept / self.num_total if self.num_total else 0.0

    def __repr__(self) -> str:
        return (
            f'WeightMask({self.num_kept} of {self.num_total} weights kept in '
            f'{len(self.keep)} tensors)'
        )

    def apply(self, weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Those weights, exactly 0 where masked; others as they are.

        Raises:
            InputError: If a masked name is missing or its shape differs.
        """
        out = dict(weights)
        for name, mask in self.keep.items():
            if name not in out or out[name].shape != mask.shape:
                found = list(out[name].shape) if name in out else 'missing'
                raise InputError(
                    f"The mask is for another model: parameter '{name}' has shape "
                    f'{list(mask.shape)} there, here it is {found}.'
                )
            out[name] = out[name].masked_fill(~mask.to(out[name].device), 0)
        return out

    def save(self, path: str | Path) -> None:
        """Write to a safetensors file, packed to bits, atomically."""
        shapes = {name: list(mask.shape) for name, mask in self.keep.items()}
        packed = {name: pack_bits(mask) for name, mask in self.keep.items()}
        save_tensors(path, packed, {'kind': 'weight_mask', 'shapes': shapes})

    @staticmethod
    def load(path: str | Path) -> WeightMask:
        """Read what :meth:`save` wrote."""
        tensors, facts = load_tensors(path)
        _check_kind(path, facts, 'weight_mask')
        shapes = facts['shapes'].items()
        return WeightMask({n: unpack_bits(tensors[n], tuple(s)) for n, s in shapes})


@torch.no_grad()
def zero_pruned(model: Module, keep: Mapping[str, Tensor]) -> None:
    """Set weights to 0 in place where ``keep``, by parameter name, is False."""
    for name, mask in keep.items():
        model.get_parameter(name).masked_fill_(~mask, 0)


def _check_kind(path: str | Path, facts: Mapping[str, Any], kind: str) -> None:
    if facts.get('kind') != kind:
        raise InputError(f"'{path}' holds a {facts.get('kind')}, not a {kind}.")
