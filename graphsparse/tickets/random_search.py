from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

import torch
from torch.nn import Module

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.graph import to_adjacency
from graphsparse.pruning import EdgeMask, Init, Ticket, WeightMask, zero_pruned
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.masked import fit_masked
from graphsparse.tickets.one_shot import OneShot
from graphsparse.training import Step, Task, Training, Watch

Judge = Literal['loss', 'val']


@dataclass(frozen=True)
class RandomSearch(TicketSearch):
    """The best of some random tickets: the null of every search.

    Draws random edges and random weights at the sparsity asked for, puts theta_0
    under each pair of masks, and keeps the pair that is best untrained. A method that
    claims to find tickets has to beat this at as many looks.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        weight_sparsity: Fraction of weights removed, in [0, 1); ceil. The prunable
            set is the matrices of linear maps.
        draws: Pairs of masks that are tried.
        judge: What is best: the least 'loss' on training nodes, or the highest score
            on validation nodes, 'val'. Of equals the first drawn.
        distribution: How kept weights are shared among layers: 'erk', 'uniform' or
            'global'.
        train: Train under the best masks; else the ticket's weights are theta_0's.
        training: Of that training.
    """

    graph_sparsity: float = 0.2
    weight_sparsity: float = 0.2
    draws: int = 100
    judge: Judge = 'loss'
    distribution: str = 'erk'
    train: bool = True
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        self.single()
        if isinstance(self.draws, bool) or self.draws < 1:
            raise InputError(f'draws has to be at least 1 (got {self.draws}).')
        if self.judge not in get_args(Judge):
            raise unknown('judge', self.judge, list(get_args(Judge)))

    def single(self) -> OneShot:
        """One random ticket, no choice among several."""
        return OneShot(
            self.graph_sparsity,
            self.weight_sparsity,
            weight_score='random',
            distribution=self.distribution,
            score='random',
            training=self.training,
        )

    def baselines(self) -> dict[str, TicketSearch]:
        """The first draw, whatever it is worth."""
        return {} if self.draws == 1 else {'first_draw': replace(self, draws=1)}

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """Draw, judge, and train the best."""
        init = Init.of(model)
        (edge_mask, weight_mask), judged = self.choose(model, task, seed, watch)
        facts = {'epochs': 0, 'best_epoch': -1, 'epoch_seconds': 0.0}
        if self.train:
            graph = edge_mask.apply(task.graph)
            facts = fit_masked(
                model, task, self.training, graph, weight_mask, seed, 'sparse', watch
            ).summary()
        return Ticket(
            method=self.name,
            config=self.config(),
            init=init,
            edge_mask=edge_mask,
            weight_mask=weight_mask,
            trained=model.state_dict() if self.train else None,
            facts={'seed': seed, 'judged': judged, **facts},
        )

    def choose(
        self, model: Module, task: Task, seed: int, watch: Watch | None = None
    ) -> tuple[tuple[EdgeMask, WeightMask | None], list[float]]:
        """The masks that are best untrained, and what each draw was judged at.

        Args:
            model: At theta_0; never changed.
            task: Loss and validation score.
            seed: Of all draws; fewer draws are the first of more.
            watch: Called after every draw, in stage 'draws'.
        """
        watch, single = watch or Watch(), self.single()
        adj, judged = to_adjacency(task.graph), []
        generator = torch.Generator().manual_seed(seed)
        best = None
        for turn in range(self.draws):
            own_seed = int(torch.randint(2**62, (), generator=generator))
            worth = single.edge_scorer()(adj, task.graph.x, own_seed)
            edge_mask = single.choose_edges(adj, worth)
            weight_mask = single.choose_weights(model, task, own_seed)
            net = copy.deepcopy(model)
            zero_pruned(net, weight_mask.keep if weight_mask else {})
            out = task.infer(net, edge_mask.apply(task.graph))
            loss, val = float(task.train_loss(out)), task.val_score(out)
            value, rank = (loss, -loss) if self.judge == 'loss' else (val, val)
            judged.append(value)
            if best is None or rank > best[0]:
                best = rank, edge_mask, weight_mask
            for callback in watch.callbacks:
                callback(Step('draws', turn, self.draws, loss, val, net))
        assert best is not None
        return best[1:], judged
