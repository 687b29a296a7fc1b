from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from typing import Any

from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, name_of
from graphsparse.pruning import Init, Ticket
from graphsparse.pruning.init import ModelLike, initial_model
from graphsparse.training import Task, Watch, as_task


@dataclass(frozen=True)
class TicketSearch(ABC):
    """A way to find a sparse graph and a sparse network: hyper-parameters, one verb.

    A search is a frozen dataclass with one method, :meth:`run`. Writing the subclass
    is all it takes to add one: the command line and the contract tests find it.
    """

    def search(
        self,
        model: ModelLike,
        data_or_task: Data | Task,
        seed: int = 0,
        dense: Ticket | None = None,
        watch: Watch | None = None,
    ) -> Ticket:
        """Find a ticket.

        Args:
            model: A module whose present weights are theta_0 (deep-copied, never
                changed), or a factory without arguments, called under ``seed``.
            data_or_task: A ``Data`` with split masks, split at once by
                :meth:`Task.from_data` so that the method sees no labels but the
                training ones; or a Task.
            seed: Of everything random.
            dense: What :class:`Dense` found from the same model, seed and training:
                methods that start from a trained dense network take it from there
                instead of training it again.
            watch: Callbacks and checkpoints.

        Raises:
            InputError: If model, data or options cannot be used.
        """
        task = as_task(data_or_task)
        theta_0 = initial_model(model, seed)
        if dense and dense.init.digest != Init.of(theta_0).digest:
            raise InputError(
                f'The dense ticket began at weights {dense.init.digest[:12]}, this '
                f'model at {Init.of(theta_0).digest[:12]}. Search both from the same '
                'model and seed.'
            )
        theta_0 = theta_0.to(task.device)
        return self.run(theta_0, task, seed, dense, watch or Watch())

    @abstractmethod
    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """The method itself, on a model it may change."""

    def baselines(self) -> dict[str, TicketSearch]:
        """By name the same effort with plainer choices: what it has to beat."""
        return {}

    @property
    def name(self) -> str:
        """The name it goes by."""
        return name_of(type(self), TicketSearch)

    def config(self) -> dict[str, Any]:
        """The hyper-parameters, JSON-able."""
        return asdict(self)
