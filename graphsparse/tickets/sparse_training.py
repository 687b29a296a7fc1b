from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field
from functools import partial

from torch.nn import Module
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError, resolve
from graphsparse.graph import to_adjacency
from graphsparse.nn import MaskedNet
from graphsparse.pruning import (
    EdgeScore,
    Init,
    Ticket,
    WeightMask,
    choose_edges,
)
from graphsparse.pruning.budget import check_sparsity
from graphsparse.pruning.select import Selection, check_selection
from graphsparse.tickets.base import TicketSearch
from graphsparse.training import Task, Training, Watch, fit


@dataclass(frozen=True)
class SparseTraining(TicketSearch):
    """One training in which the net becomes sparse, on edges chosen before it.

    The edges of lowest score go once, by the graph alone. A subclass says under which
    masks the net starts (:meth:`wrap`) and what happens to it after every step
    (:meth:`project`). Every epoch is judged on validation at the sparsity of the
    ticket, so the best epoch is the best ticket.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
    """

    graph_sparsity: float = 0.2
    score: str = 'teddy'
    select: Selection = 'global'
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        check_sparsity(self.graph_sparsity, 'graph_sparsity')
        check_selection(self.select)
        resolve(EdgeScore, self.score)  # type: ignore[type-abstract]

    @abstractmethod
    def wrap(self, net: Module, graph: Data, seed: int) -> MaskedNet:
        """The net, which may be changed, under the masks it starts with."""

    @abstractmethod
    def project(self, net: MaskedNet, optimizer: Optimizer, seed: int) -> None:
        """Change weights and masks in place; ``net.step`` steps are done."""

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """Edges, then the training."""
        init = Init.of(model)
        adj = to_adjacency(task.graph)
        edge_mask = choose_edges(
            adj,
            task.graph.x,
            self.score,
            self.graph_sparsity,
            select=self.select,
            seed=seed,
        )
        net = self.wrap(model, task.graph, seed)
        optimizer = self.training.make_optimizer(net)
        course = fit(
            net,
            task,
            self.training,
            graph=edge_mask.apply(task.graph),
            optimizer=lambda _: optimizer,
            project=partial(self._after_step, optimizer=optimizer, seed=seed),
            seed=seed,
            stage=self.name,
            watch=watch,
        )
        support = {name: keep.cpu() for name, keep in net.support().items()}
        weight_mask = WeightMask(support)
        return Ticket(
            method=self.name,
            config=self.config(),
            init=init,
            edge_mask=edge_mask,
            weight_mask=weight_mask,
            trained=weight_mask.apply(net.net.state_dict()),
            facts={'seed': seed, **course.summary()},
        )

    def _after_step(self, net: Module, optimizer: Optimizer, seed: int) -> None:
        assert isinstance(net, MaskedNet)
        net.step += 1
        self.project(net, optimizer, seed)

    def epoch_at(self, share: float) -> int:
        """The last epoch, from 1, of the first ``share`` of the training."""
        return int(share * self.training.epochs + 1e-9)


def check_share(share: float, name: str) -> None:
    """InputError unless ``share`` is in [0, 1]."""
    if not 0 <= share <= 1:
        raise InputError(
            f'{name} is a share of the epochs and has to be in [0, 1] (got {share}).'
        )
