from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from torch.nn import Module

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import Init, Ticket
from graphsparse.pruning.init import load_state
from graphsparse.pruning.schedules.geometric import GeometricSchedule
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.masked import MaskSearch, fit_masked
from graphsparse.tickets.one_shot import OneShot
from graphsparse.training import Task, Watch, fit


@dataclass(frozen=True)
class Iterative(MaskSearch):
    """Lottery tickets by rounds of training, pruning and rewinding.

    1. Train for k epochs; keep the weights theta_k.
    2. Train to the end, on what is left of graph and weights.
    3. Prune the same share of what is left, by the weights' scores at the best
       epoch; edges by their score on the whole graph.
    4. Set the weights that survive back to theta_k, and go on from 2.

    Frankle & Carbin, "The Lottery Ticket Hypothesis", ICLR 2019 (k = 0), and Frankle
    et al., "Linear Mode Connectivity and the Lottery Ticket Hypothesis", ICML 2020
    (k > 0). The defaults are five rounds of 20 % of the weights and 5 % of the edges
    each; n rounds of a share r reach a sparsity of ``1 - (1 - r)**n``.

    A ticket's initial weights are theta_k. Optimisers begin anew after a rewinding.

    Args:
        graph_sparsity: Fraction of edges removed in the end; floor of pairs.
        weight_sparsity: Fraction of weights removed in the end; ceil.
        weight_score: Name of a weight score: 'magnitude', 'snip', 'random', ...
        weight_score_args: Options of the weight score.
        distribution: How kept weights are shared among layers: 'global', 'uniform'
            or 'erk'.
        score: Name of an edge score: 'teddy', 'degree', 'random', ...
        score_args: Options of the edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: From theta_0 to the end.
        rounds: Times that is pruned; there is one training more.
        rewind_epoch: k; 1 % to 5 % of the epochs is late rewinding, 0 goes back to
            theta_0.
    """

    graph_sparsity: float = 0.2262
    weight_sparsity: float = 0.6723
    rounds: int = 5
    rewind_epoch: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if isinstance(self.rounds, bool) or self.rounds < 1:
            raise InputError(f'rounds has to be at least 1 (got {self.rounds}).')
        if not 0 <= self.rewind_epoch < self.training.epochs:
            raise InputError(
                f'rewind_epoch has to be at least 0 and below the '
                f'{self.training.epochs} epochs of the training (got '
                f'{self.rewind_epoch}).'
            )

    def baselines(self) -> dict[str, TicketSearch]:
        """Random choices in as many rounds, and the same scores in one shot."""
        plain = self.at_random()
        own = {'rounds', 'rewind_epoch'}
        shared = {name: value for name, value in vars(self).items() if name not in own}
        at_once: dict[str, TicketSearch] = {
            'iterative_at_once': OneShot(**shared, when='trained')
        }
        return at_once if plain == self else {'iterative_random': plain, **at_once}

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """The ticket of the last round."""
        *_, last = self.run_rounds(model, task, seed, dense, watch)
        return last

    def run_rounds(
        self,
        model: Module,
        task: Task,
        seed: int = 0,
        dense: Ticket | None = None,
        watch: Watch | None = None,
    ) -> Iterator[Ticket]:
        """The ticket of every round, each mask within the one before.

        Args:
            model: At theta_0; changed.
            task: What is learned.
            seed: Of everything random.
            dense: The dense network trained from theta_0, if it is there; of use
                without late rewinding.
            watch: Callbacks and checkpoints, a stage a round.
        """
        watch, k = watch or Watch(), self.rewind_epoch
        rest = replace(self.training, epochs=self.training.epochs - k)
        if k:
            brief = replace(self.training, epochs=k)
            fit(
                model,
                task,
                brief,
                seed=seed,
                stage='rewind',
                watch=watch,
                choose='last',
            )
            start = Init.of(model)
            fit(model, task, rest, seed=seed, stage='round-0', watch=watch)
        else:
            start = Init.of(model)
            first = dense or Dense(rest).search(model, task, seed, watch=watch)
            load_state(model, first.trained or {})
        adj = to_adjacency(task.graph)
        worth = self.edge_scorer()(adj, task.graph.x, seed)
        graph, weight_mask, table = task.graph, None, []
        for turn in range(1, self.rounds + 1):
            edge_mask = self.choose_edges(
                adj, worth, self.level(self.graph_sparsity, turn)
            )
            level = self.level(self.weight_sparsity, turn)
            weight_mask = self.choose_weights(
                model, task, seed, level, weight_mask, graph
            )
            graph = edge_mask.apply(task.graph)
            load_state(model, start.state or {})
            course = fit_masked(
                model, task, rest, graph, weight_mask, seed, f'round-{turn}', watch
            )
            table.append(
                {
                    'graph_sparsity': edge_mask.sparsity,
                    'weight_sparsity': weight_mask.sparsity if weight_mask else 0.0,
                    'val': course.best_val,
                }
            )
            yield Ticket(
                method=self.name,
                config=self.config(),
                init=start,
                edge_mask=edge_mask,
                weight_mask=weight_mask,
                trained={n: t.clone() for n, t in model.state_dict().items()},
                facts={'seed': seed, 'rounds': list(table), **course.summary()},
            )

    def level(self, final: float, turn: int) -> float:
        """The sparsity after ``turn`` rounds: the same share of the rest in each."""
        if turn == self.rounds:  # as given, whatever powers round to
            return final
        return GeometricSchedule(final)(turn / self.rounds)
