from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader import NodeLoader

from graphsparse.loading.base import Sampling
from graphsparse.loading.epochs import EpochLoader, split_epoch
from graphsparse.loading.neighbor import NeighborSampler
from graphsparse.loading.pyg import check_data, check_nodes, check_options


class NeighborLoader(NodeLoader, EpochLoader):
    """Batches of nodes with sampled neighbourhoods, as PyG's loader of that name.

    A batch is a ``Data`` whose first ``batch_size`` nodes are the targets. ``n_id`` and
    ``e_id`` are the positions of its nodes and edges in ``data``, ``input_id`` that of
    the targets in ``input_nodes``, and ``num_sampled_nodes`` and ``num_sampled_edges``
    count by hop, so that ``torch_geometric.utils.trim_to_layer`` can leave out what no
    target reads. Whatever belongs to nodes and edges follows.

    GCN's normalisation goes by the degrees of the graph it is given, here of the batch.
    For those of the whole graph, apply ``torch_geometric.transforms.GCNNorm`` first and
    hand the batch's ``edge_weight`` to convs with ``normalize=False``.

    The same ``seed`` gives the same batches for any number of workers and threads;
    each epoch has other ones. Set :attr:`epoch` to resume.

    Args:
        data: The graph. One with edges removed is simply smaller.
        num_neighbors: How many edges a node draws in each hop, first the hop nearest
            to the targets; -1 for all.
        input_nodes: The targets: ids or a boolean mask; all nodes if None.
        replace: Whether an edge may be drawn again.
        weight_attr: Name of a number for each edge, by which it is drawn.
        seed: Any integer.
        **kwargs: Of PyG's ``NodeLoader`` (``transform`` and so on) and of torch's
            ``DataLoader`` (``batch_size``, ``shuffle``, ``num_workers`` and so on).

    Raises:
        InputError: If a fan-out is 0, an id is out of range, ``input_nodes`` is empty,
            ``data`` malformed, or an option of PyG is not served.
    """

    node_sampler: NeighborSampler

    def __init__(
        self,
        data: Data,
        num_neighbors: Sequence[int],
        input_nodes: Any = None,
        replace: bool = False,
        weight_attr: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        kwargs, data = check_options(kwargs), check_data(data)
        sampler = NeighborSampler(data, num_neighbors, replace, weight_attr, seed=seed)
        super().__init__(
            data,
            node_sampler=sampler,
            input_nodes=check_nodes(data, input_nodes),
            seed=seed,
            **kwargs,
        )

    def collate_fn(self, index: Any) -> Any:
        """A batch of positions in ``input_nodes``, with the epoch it is of."""
        epoch, index = split_epoch(index)
        inputs = self.input_data[index]
        out = self.node_sampler.sample_from_nodes(inputs, epoch=epoch)
        return self.filter_fn(out) if self.filter_per_worker else out


@dataclass(frozen=True)
class NeighborSampling(Sampling):
    """Node-wise: a few neighbours of each node, hop by hop.

    Hamilton et al., "Inductive Representation Learning on Large Graphs", NeurIPS 2017,
    whose fan-outs and batch size are the defaults.

    Args:
        num_neighbors: Edges that a node draws in each hop, one entry a layer.
        batch_size: Training nodes of a batch.
    """

    num_neighbors: tuple[int, ...] = (25, 10)
    batch_size: int = 512

    def load(self, data: Data, nodes: Tensor, seed: int, **kwargs: Any) -> EpochLoader:
        """A :class:`NeighborLoader`."""
        return NeighborLoader(
            data,
            list(self.num_neighbors),
            nodes,
            seed=seed,
            batch_size=self.batch_size,
            shuffle=True,
            **kwargs,
        )
