from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from itertools import islice
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data import GraphDataset
from graphsparse.engine import InputError


class Scores(NamedTuple):
    """What a finished model reaches, as fractions."""

    val: float
    test: float


class Share(NamedTuple):
    """What one process takes of a step that several take together.

    Attributes:
        task: What its outputs and loss are of.
        graph: To run :meth:`Task.predict` on; None for the task's own.
        weight: How much it counts for beside the others'.
        own_draws: Whether dropout and the like draw apart from the others', by the
            batch's number; False where all run the same.
    """

    task: Task
    graph: Data | None
    weight: float = 1.0
    own_draws: bool = True


class Task(ABC):
    """What is to be learned on a graph: loss, metric and split.

    A method sees ``graph``, which holds no labels; :meth:`train_loss`, which reads
    training labels; and :meth:`val_score`, a number. Test labels stay inside and are
    read by :meth:`evaluate`, once, when all is chosen. What a model puts out, one row a
    node, link or graph, is passed on from :meth:`predict` as it is.

    Attributes:
        graph: Features and edges, no ``y``, no split.
        metric: Name of the metric; more is better.
        out_channels: Width the model's output has to have.
        whole: Whether a model sees all of ``graph`` at once.
    """

    graph: Data
    metric: str
    out_channels: int
    whole: ClassVar[bool] = True

    @staticmethod
    def from_data(data: Data | GraphDataset, split: int = 0) -> Task:
        """The task that data with labels and a split describe.

        Args:
            data: Labels ``y`` and ``train_mask``, ``val_mask``, ``test_mask``; or links
                as :meth:`LinkTask.from_links` takes them; or a :class:`GraphDataset`.
            split: Which column, where the masks are ``[nodes, splits]``.

        Raises:
            InputError: If something is missing, not finite, or leaks.
        """
        from graphsparse.training.graph import GraphTask
        from graphsparse.training.link import LinkTask
        from graphsparse.training.node import NodeTask

        if isinstance(data, GraphDataset):
            return GraphTask.from_graphs(data)
        if data.get('train_pos') is not None:
            return LinkTask.from_links(data)
        return NodeTask.from_data(data, split)

    @property
    def device(self) -> torch.device:
        """Where the graph lies."""
        return self.graph.edge_index.device

    def steps(
        self, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[tuple[Task, Data | None]]:
        """What the optimiser's steps of one epoch are taken on: the whole task, once.

        Where a task draws or batches, it is by a generator of its own, a function of
        ``epoch`` and ``seed`` alone.

        Args:
            epoch: From 0.
            seed: Of the training.
            graph: The sparser graph that is trained on, if any.

        Yields:
            Tasks, each with the graph to run :meth:`predict` on; None for its own.
        """
        yield self, graph

    def shares(
        self, rank: int, size: int, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[Share]:
        """What process ``rank`` of ``size`` takes of :meth:`steps`: every size-th."""
        for part, seen in islice(self.steps(epoch, seed, graph), rank, None, size):
            yield Share(part, seen)

    @abstractmethod
    def train_loss(self, out: Tensor) -> Tensor:
        """Loss of outputs for the whole graph on the training part."""

    @abstractmethod
    def val_score(self, out: Tensor) -> float:
        """Metric of outputs on the validation part."""

    @abstractmethod
    def test_score(self, out: Tensor) -> float:
        """Metric of outputs on the test part: read once, at the end."""

    @abstractmethod
    def to(self, device: torch.device | str) -> Task:
        """The same task on another device."""

    def predict(self, model: Module, graph: Data | None = None) -> Tensor:
        """The model's outputs on the task's graph, or on a sparser ``graph``."""
        graph = self.graph if graph is None else graph
        if graph.get('edge_weight') is not None:
            return model(graph.x, graph.edge_index, graph.edge_weight)
        return model(graph.x, graph.edge_index)

    @torch.no_grad()
    def infer(self, model: Module, graph: Data | None = None) -> Tensor:
        """:meth:`predict` in evaluation mode; the model's mode is put back."""
        training = model.training
        model.eval()
        try:
            return self.predict(model, graph)
        finally:
            model.train(training)

    def validate(self, model: Module, graph: Data | None = None) -> float:
        """Validation metric of a model as it is."""
        return self.val_score(self.infer(model, graph))

    def evaluate(self, model: Module, graph: Data | None = None) -> Scores:
        """Validation and test metric of a finished model."""
        out = self.infer(model, graph)
        return Scores(self.val_score(out), self.test_score(out))


def check_whole(task: Task, what: str) -> None:
    """InputError where a task runs in batches, for ``what`` needs all at once."""
    if not task.whole:
        raise InputError(
            f'{what} needs the whole graph in every step, and a {type(task).__name__} '
            'runs in batches.'
        )


def as_task(data_or_task: Any, split: int = 0) -> Task:
    """A Task as it is, data through :meth:`Task.from_data`."""
    if isinstance(data_or_task, Task):
        return data_or_task
    if isinstance(data_or_task, Data | GraphDataset):
        return Task.from_data(data_or_task, split)
    raise InputError(
        f'Give a Data or a Task (got {type(data_or_task).__name__}); a HeteroData has '
        'to be made homogeneous first.'
    )
