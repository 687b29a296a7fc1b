from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader import LinkLoader

from graphsparse.engine import InputError
from graphsparse.graph.check import check_edge_index
from graphsparse.loading.epochs import EpochLoader, split_epoch
from graphsparse.loading.neighbor import NeighborSampler
from graphsparse.loading.pyg import check_data, check_options


class LinkNeighborLoader(LinkLoader, EpochLoader):
    """Batches of links with sampled neighbourhoods, as PyG's loader of that name.

    The ends of the links and of the negatives are the first nodes of a batch. With no
    negatives or binary ones it holds ``edge_label_index`` and ``edge_label``, with
    triplets ``src_index``, ``dst_pos_index`` and ``dst_neg_index``, all as places in
    the batch; else it is as those of :class:`~graphsparse.loading.NeighborLoader`,
    ``input_id`` being positions in ``edge_label_index``.

    Links that are edges of ``data`` are also messages: give a ``data`` without them, as
    ``torch_geometric.transforms.RandomLinkSplit`` makes it.

    Args:
        data: The graph whose edges are messages.
        num_neighbors: How many edges a node draws in each hop; -1 for all.
        edge_label_index: The links, ``[2, links]``; all edges if None.
        edge_label: A label for each link; not with triplets.
        neg_sampling: PyG's ``NegativeSampling``, its name or None. Negatives depend on
            ``seed``, the epoch and the links of the batch; some may be edges.
        replace: Whether an edge may be drawn again.
        weight_attr: Name of a number for each edge, by which it is drawn.
        seed: Any integer.
        **kwargs: Of PyG's ``LinkLoader`` and torch's ``DataLoader``.

    Raises:
        InputError: As for :class:`~graphsparse.loading.NeighborLoader`.
    """

    link_sampler: NeighborSampler

    def __init__(
        self,
        data: Data,
        num_neighbors: Sequence[int],
        edge_label_index: Tensor | None = None,
        edge_label: Tensor | None = None,
        neg_sampling: Any = None,
        replace: bool = False,
        weight_attr: str | None = None,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        kwargs, data = check_options(kwargs), check_data(data)
        links = data.edge_index if edge_label_index is None else edge_label_index
        num_nodes = int(data.num_nodes or 0)
        check_edge_index(links, num_nodes, num_nodes, 'edge_label_index')
        if links.size(1) == 0:
            raise InputError(f'edge_label_index is empty (shape {list(links.shape)}).')
        if edge_label is not None and edge_label.size(0) != links.size(1):
            raise InputError(
                f'There have to be {links.size(1)} labels, one for each link '
                f'(got {edge_label.size(0)}).'
            )
        sampler = NeighborSampler(data, num_neighbors, replace, weight_attr, seed=seed)
        super().__init__(
            data,
            link_sampler=sampler,
            edge_label_index=links,
            edge_label=edge_label,
            neg_sampling=neg_sampling,
            seed=seed,
            **kwargs,
        )

    def collate_fn(self, index: Any) -> Any:
        """A batch of positions among the links, with the epoch it is of."""
        epoch, index = split_epoch(index)
        out = self.link_sampler.sample_from_edges(
            self.input_data[index], self.neg_sampling, epoch=epoch
        )
        return self.filter_fn(out) if self.filter_per_worker else out
