from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial

import torch
from torch.nn import Module

from graphsparse.data import load
from graphsparse.data.cards import read_card
from graphsparse.engine import InputError
from graphsparse.nn import ModelRecipe
from graphsparse.nn.models import count_parameters
from graphsparse.training import NodeTask, Task


@dataclass(frozen=True)
class Source:
    """A data set, and where it is worked on.

    Args:
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
    """

    dataset: str = 'digits'
    root: str | None = None
    device: str = 'auto'

    def split(self, seed: int) -> int:
        """The split a seed runs on: that of its number, or drawn by it."""
        given = read_card(self.dataset).num_splits
        return seed % given if given else seed

    def task(self, split: int) -> Task:
        """The data set's task under one split, on the device."""
        task = Task.from_data(load(self.dataset, self.root, split))
        return task.to(self.torch_device())

    def node_task(self, split: int) -> NodeTask:
        """:meth:`task`, of nodes.

        Raises:
            InputError: If the data set is one of links or of graphs.
        """
        task = self.task(split)
        if not isinstance(task, NodeTask):
            raise InputError(
                f'{self.dataset!r} is no set of labelled nodes, and the models here '
                'are for nodes: search its Task from Python, with a model for it.'
            )
        return task

    def torch_device(self) -> torch.device:
        """The device by its name.

        Raises:
            InputError: If torch does not have it here.
        """
        name = self.device
        if name == 'auto':
            name = 'cuda' if torch.cuda.is_available() else 'cpu'
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"Device '{name}' cannot be used: {reason}") from None

    def check(self, seed: int) -> None:
        """Raise what is wrong with data set or device before anything runs."""
        self.task(self.split(seed))


@dataclass(frozen=True)
class Problem(Source):
    """A data set of labelled nodes and a model to solve it with.

    Args:
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        model: What is trained.
    """

    model: ModelRecipe = field(default_factory=ModelRecipe)

    def check(self, seed: int) -> None:
        """Raise what is wrong with data set, model or device before anything runs."""
        with torch.random.fork_rng(devices=[]):
            self.factory(self.node_task(self.split(seed)))()

    def narrowed(self, task: Task, share: float) -> Problem:
        """The same problem for the widest net with this share of parameters."""
        if share == 1:
            return self
        ends = task.graph.x.size(1), task.out_channels
        most = int(share * count_parameters(self.model.build(*ends)))
        return replace(self, model=self.model.narrowed(*ends, most))

    def factory(self, task: Task) -> Callable[[], Module]:
        """Makes the model for a task's features and classes."""
        return partial(self.model.build, task.graph.x.size(1), task.out_channels)
