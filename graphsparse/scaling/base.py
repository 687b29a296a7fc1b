from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, name_of
from graphsparse.training import Fit, NodeTask, Task, Watch, as_task


@dataclass(frozen=True, eq=False)
class Branched:
    """What a branch found for all nodes.

    Attributes:
        logits: ``[nodes, classes]`` on the CPU: the largest is the class predicted.
        model: The trained net; of several, the one trained last. None where no net
            alone gives the logits.
        courses: The course of each training by its stage, in order.
        facts: Whatever else a result should say, JSON-able.
    """

    logits: Tensor
    model: Module | None
    courses: Mapping[str, Fit]
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Branch(ABC):
    """A way to learn the classes of a large graph's nodes: options and one verb.

    A branch is a frozen dataclass; writing the subclass is all it takes to add one.
    """

    def run(
        self, data_or_task: Data | Task, seed: int = 0, watch: Watch | None = None
    ) -> Branched:
        """Learn, and predict all nodes.

        Args:
            data_or_task: A ``Data`` with labels and split masks, split at once by
                :meth:`Task.from_data` so that no label but the training ones is seen;
                or a :class:`~graphsparse.training.NodeTask`.
            seed: Of everything random.
            watch: Callbacks, and a folder for checkpoints and propagated features. A
                run that finds its own there goes on from it.

        Raises:
            InputError: If the data cannot be used.
        """
        task = as_task(data_or_task)
        if not isinstance(task, NodeTask):
            raise InputError(
                f'{type(self).__name__} classifies nodes (got a {type(task).__name__}).'
            )
        return self.learn(task, seed, watch or Watch())

    @abstractmethod
    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """The method itself."""

    @abstractmethod
    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, Task]:
        """A net at its initial weights and what its steps are taken on.

        Of a method with several trainings one that has all its parts.
        """

    @abstractmethod
    def baselines(self) -> dict[str, Branch]:
        """What it has to beat, by name."""

    @property
    def name(self) -> str:
        """The name it goes by."""
        return name_of(type(self), Branch)

    def config(self) -> dict[str, Any]:
        """The hyper-parameters, JSON-able."""
        return asdict(self)


def one_hot_labels(task: NodeTask, what: str) -> Tensor:
    """Training labels as ``[nodes, classes]`` of 0 and 1 on the CPU, 0 elsewhere.

    Raises:
        InputError: If nodes have several labels, which ``what`` cannot use.
    """
    if task.metric != 'accuracy':
        raise InputError(
            f'{what} wants one class a node (the metric is {task.metric!r}).'
        )
    part = task.train.to('cpu')
    out = torch.zeros(task.graph.num_nodes, task.out_channels, dtype=task.graph.x.dtype)
    out[part.index] = F.one_hot(part.y, task.out_channels).to(out.dtype)
    return out
