from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from graphsparse.engine import resolve
from graphsparse.loading import Sampling
from graphsparse.scaling.base import Branch
from graphsparse.scaling.full_batch import FullBatch
from graphsparse.training import NodeTask, SampledTask, Task


@dataclass(frozen=True)
class Sampled(FullBatch):
    """A net trained on sampled parts of the graph, and run on all of it.

    Args:
        sampling: Name of a :class:`~graphsparse.loading.Sampling`: 'neighbor' (Hamilton
            et al., 2017), 'layer' (LADIES, FastGCN), 'saint' (Zeng et al., 2020) or
            'cluster' (Chiang et al., 2019).
        sampling_args: Its options.
        block: Nodes at a time where all nodes' outputs are computed, layer by layer;
            None runs the net once on the whole graph.
    """

    sampling: str = 'neighbor'
    sampling_args: Mapping[str, Any] = field(default_factory=dict)
    block: int | None = None

    def __post_init__(self) -> None:
        self.make_sampling()

    def make_sampling(self) -> Sampling:
        """How batches are made."""
        return resolve(Sampling, self.sampling, **self.sampling_args)  # type: ignore[type-abstract]

    def seen(self, task: NodeTask) -> Task:
        """The task in batches."""
        return SampledTask.of(task, self.make_sampling(), self.block)

    def baselines(self) -> dict[str, Branch]:
        """The same net on the whole graph."""
        return {'full_batch': FullBatch(self.model, self.training)}
