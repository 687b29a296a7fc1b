from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.kernels import induced_subgraph
from graphsparse.kernels.pattern import row_ids
from graphsparse.loading.base import Sampling
from graphsparse.loading.epochs import EpochLoader, check_positive, split_epoch
from graphsparse.loading.partition import partition_nodes
from graphsparse.loading.pyg import check_data, cut_batch
from graphsparse.loading.rows import Rows


class ClusterLoader(EpochLoader):
    """Batches of METIS clusters, others together in each epoch.

    Stochastic multiple partitions of Chiang et al., "Cluster-GCN: An Efficient
    Algorithm for Training Deep and Large Graph Convolutional Networks", KDD 2019,
    section 3.2: the subgraph that the clusters of a batch induce, edges between them
    included. An epoch shows every node once. A batch holds ``n_id`` and ``e_id``, the
    positions of its nodes and edges in ``data``; training nodes are those of its
    ``train_mask``, and there may be none.

    Args:
        data: The graph; where it is directed it is partitioned as if undirected.
        num_parts: How many clusters. Those that METIS leaves empty are dropped, with a
            warning; :attr:`num_parts` counts the others.
        batch_parts: Clusters in a batch; more than there are make one batch.
        seed: Of METIS, and of which clusters come together.
        shuffle: False brings them in order.
        cache: Folder in which partitions are kept; see
            :func:`~graphsparse.loading.partition_nodes`.
        **kwargs: Of torch's ``DataLoader``.

    Raises:
        InputError: If ``num_parts`` is not between 1 and the number of nodes,
            ``batch_parts`` not positive, or ``data`` malformed.
        ImportError: If pymetis is not installed.
    """

    def __init__(
        self,
        data: Data,
        num_parts: int,
        batch_parts: int = 1,
        seed: int = 0,
        shuffle: bool = True,
        cache: str | Path | None = None,
        **kwargs: Any,
    ) -> None:
        check_positive(num_parts=num_parts, batch_parts=batch_parts)
        if 'batch_size' in kwargs:
            raise InputError(
                f'batch_size={kwargs["batch_size"]!r}: a batch is of batch_parts '
                'clusters.'
            )
        self.data = check_data(data)
        self.rows = Rows.of(self.data)
        part = partition_nodes(data, num_parts, seed, cache)
        self.nodes = part.argsort(stable=True).split(part.bincount().tolist())
        super().__init__(
            self.nodes,
            seed=seed,
            batch_size=batch_parts,
            shuffle=shuffle,
            collate_fn=self.make_batch,
            **kwargs,
        )

    @property
    def num_parts(self) -> int:
        """How many clusters there are, none empty."""
        return len(self.nodes)

    def make_batch(self, index: Any) -> Data:
        """The subgraph of these clusters."""
        _, index = split_epoch(index)
        node = torch.cat([self.nodes[part] for part in index])
        rowptr, col, slot = induced_subgraph(self.rows.rowptr, self.rows.col, node)
        target = row_ids(rowptr, slot.numel())
        return cut_batch(self.data, node, col.long(), target, self.rows.edge_id(slot))


@dataclass(frozen=True)
class ClusterSampling(Sampling):
    """Subgraph-wise: METIS clusters, some together in a batch, Cluster-GCN.

    Chiang et al., KDD 2019.

    Args:
        num_parts: How many clusters.
        batch_parts: Clusters in a batch.
    """

    num_parts: int = 50
    batch_parts: int = 5

    def load(self, data: Data, nodes: Tensor, seed: int, **kwargs: Any) -> EpochLoader:
        """A :class:`ClusterLoader`; it shows all nodes, not the training set alone."""
        return ClusterLoader(data, self.num_parts, self.batch_parts, seed, **kwargs)
