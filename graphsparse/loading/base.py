from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor
from torch_geometric.data import Data

from graphsparse.engine import name_of
from graphsparse.loading.epochs import EpochLoader


@dataclass(frozen=True)
class Sampling(ABC):
    """A way to train on parts of a graph: hyper-parameters, one verb.

    Writing the subclass is all it takes to add one.
    """

    @abstractmethod
    def load(self, data: Data, nodes: Tensor, seed: int, **kwargs: Any) -> EpochLoader:
        """The loader of an epoch's batches.

        Args:
            data: The graph, on the CPU.
            nodes: Training nodes, ids.
            seed: Of all that is drawn.
            **kwargs: Of torch's ``DataLoader``.

        Returns:
            Of its batches ``n_id`` tells the nodes; where ``batch_size`` is set, only
            the first so many have all that is sampled for them. ``node_norm`` and
            ``edge_norm`` are factors of losses and messages, if there are any.
        """

    @property
    def name(self) -> str:
        """The name it goes by."""
        return name_of(type(self), Sampling)

    def config(self) -> dict[str, Any]:
        """The hyper-parameters, JSON-able."""
        return asdict(self)
