from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.sampler import (
    BaseSampler,
    EdgeSamplerInput,
    NegativeSampling,
    NodeSamplerInput,
    SamplerOutput,
)

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.kernels import sample_neighbors
from graphsparse.kernels.streams import fold
from graphsparse.loading.epochs import epoch_key
from graphsparse.loading.pyg import check_data, check_ids, sample_links
from graphsparse.loading.rows import Rows


class NeighborSampler(BaseSampler):
    """Node-wise sampling of in-neighbours (Hamilton et al., NeurIPS 2017), for PyG.

    It goes where PyG takes a ``BaseSampler``: ``NodeLoader``, ``LinkLoader`` and
    ``LightningNodeData``, and needs no compiled extension of PyG. Edge ids are
    positions in the caller's ``edge_index``, so attributes, weights and masks of edges
    follow. What a node draws in a hop is a function of ``(seed, epoch, hop, node)``.
    A batch of PyG's own loaders tells no epoch: then a seed is drawn from torch's
    global state for each batch, as PyG's sampler does;
    :class:`~graphsparse.loading.NeighborLoader` and
    :class:`~graphsparse.loading.LinkNeighborLoader` tell it.

    Args:
        data: A ``Data``, or an :class:`~graphsparse.graph.Adjacency`, which may be
            mapped from disk. Self-loops are edges like others.
        num_neighbors: How many edges a node draws in each hop, first the hop nearest
            to the targets; -1 for all.
        replace: Whether an edge may be drawn again.
        weight_attr: Name of a number at least 0 for each edge, by which it is drawn;
            an edge of weight 0 never is.
        disjoint: One subgraph for each target is not served: only False.
        seed: Any integer.

    Raises:
        InputError: If a fan-out is 0 or below -1, or the graph is malformed.
    """

    def __init__(
        self,
        data: Data | Adjacency,
        num_neighbors: Sequence[int],
        replace: bool = False,
        weight_attr: str | None = None,
        disjoint: bool = False,
        seed: int = 0,
    ) -> None:
        self.num_neighbors = _check_fanouts(num_neighbors)
        if disjoint:
            raise InputError('disjoint=True is not served: use disjoint=False.')
        graph = data if isinstance(data, Adjacency) else check_data(data)
        self.rows = Rows.of(graph)
        self.weight = None
        if weight_attr is not None:
            if isinstance(graph, Adjacency) or weight_attr not in graph:
                raise InputError(f"The graph has no attribute '{weight_attr}'.")
            self.weight = self.rows.by_slot(graph[weight_attr])
            if (self.weight < 0).any():
                low = float(self.weight.min())
                raise InputError(f"'{weight_attr}' has to be at least 0 (got {low}).")
        self.replace = replace
        self.seed = seed

    def sample_from_nodes(
        self, index: NodeSamplerInput, epoch: int | None = None, **kwargs: Any
    ) -> SamplerOutput:
        """The neighbourhood of some nodes, those first.

        Args:
            index: The nodes.
            epoch: By which to draw.
            **kwargs: None are known.

        Raises:
            InputError: If a node is out of range, or a time is given.
        """
        _check_inputs(index, kwargs)
        out = self._sample(index.node, epoch_key(self.seed, epoch))
        out.metadata = (index.input_id, None)
        return out

    def sample_from_edges(
        self,
        index: EdgeSamplerInput,
        neg_sampling: NegativeSampling | None = None,
        epoch: int | None = None,
        **kwargs: Any,
    ) -> SamplerOutput:
        """The neighbourhood of the ends of some links and of negatives, those first.

        Negatives are drawn by ``(seed, epoch)`` and what links are in the batch. They
        are uniform, or by the weights given, as PyG's: some may be edges.

        Args:
            index: The links.
            neg_sampling: Of PyG, 'binary' or 'triplet'.
            epoch: By which to draw.
            **kwargs: None are known.

        Raises:
            InputError: If a node is out of range, or a time is given.
        """
        _check_inputs(index, kwargs)
        for ends in (index.row, index.col):
            check_ids('edge_label_index', ends, self.rows.num_nodes)
        key = epoch_key(self.seed, epoch)
        links = index.row if index.input_id is None else index.input_id
        return sample_links(
            index,
            lambda node, _: self._sample(node, key),
            self.rows.num_nodes,
            neg_sampling,
            key=int(fold(key, links.long()).sum()),
        )

    def _sample(self, node: Tensor, key: int) -> SamplerOutput:
        check_ids('input_nodes', node, self.rows.num_nodes)
        out = sample_neighbors(
            self.rows.rowptr,
            self.rows.col,
            node,
            self.num_neighbors,
            seed=key,
            weight=self.weight,
            replace=self.replace,
        )
        return SamplerOutput(
            out.node,
            out.source,
            out.target,
            self.rows.edge_id(out.slot),
            num_sampled_nodes=out.num_sampled_nodes,
            num_sampled_edges=out.num_sampled_edges,
        )

    def __repr__(self) -> str:
        return f'{type(self).__name__}({self.num_neighbors}, seed={self.seed})'


def _check_inputs(index: Any, kwargs: dict[str, Any]) -> None:
    if kwargs:
        raise InputError(f'NeighborSampler takes no {", ".join(kwargs)}.')
    if index.time is not None or index.input_type is not None:
        raise InputError(
            'NeighborSampler knows neither times nor node types (got time='
            f'{index.time}, input_type={index.input_type}).'
        )


def _check_fanouts(num_neighbors: Any) -> list[int]:
    if not isinstance(num_neighbors, list | tuple) or not num_neighbors:
        raise InputError(
            'num_neighbors lists how many edges a node draws in each hop, as '
            f'[15, 10] (got {num_neighbors!r}).'
        )
    for fanout in num_neighbors:
        if not isinstance(fanout, int) or fanout == 0 or fanout < -1:
            raise InputError(
                'A fan-out is a positive integer, or -1 for all edges '
                f'(got {fanout!r} in {list(num_neighbors)}).'
            )
    return list(num_neighbors)
