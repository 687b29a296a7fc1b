from __future__ import annotations

from dataclasses import dataclass, field

from torch.nn import Module

from graphsparse.pruning import Init, Ticket
from graphsparse.tickets.base import TicketSearch
from graphsparse.training import Task, Training, Watch, fit


@dataclass(frozen=True)
class Dense(TicketSearch):
    """The network trained on the whole graph: what every ticket is compared with.

    Args:
        training: Epochs, optimiser, early stopping.
    """

    training: Training = field(default_factory=Training)

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """One training; the ticket has no masks."""
        init = Init.of(model)
        course = fit(model, task, self.training, seed=seed, stage='dense', watch=watch)
        return Ticket(
            method=self.name,
            config=self.config(),
            init=init,
            trained=model.state_dict(),
            facts={'seed': seed, **course.summary()},
        )
