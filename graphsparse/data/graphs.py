"""Many graphs with a label each, and their split."""

from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor
from torch_geometric.data import Data, InMemoryDataset


class GraphDataset(InMemoryDataset):
    """Graphs in memory, with the split they came with.

    A data set of PyG: ``dataset[5]`` is a graph, ``dataset[index]`` some graphs, and
    ``DataLoader`` takes it as it is.

    Args:
        data: All graphs one after the other, with ``y [graphs, labels]``.
        slices: Where each graph begins, for each attribute; as PyG collates them.
        split: Numbers of the graphs to train, validate and test on, under the names
            ``'train'``, ``'valid'`` and ``'test'`` that OGB gives them.
        metric: How predictions are judged.
    """

    def __init__(
        self,
        data: Data,
        slices: Mapping[str, Tensor],
        split: Mapping[str, Tensor],
        metric: str = 'accuracy',
    ) -> None:
        super().__init__()
        self._data, self.slices = data, dict(slices)
        self.split, self.metric = dict(split), metric

    def get_idx_split(self) -> dict[str, Tensor]:
        """The split, as the data sets of ogb give it."""
        return self.split
