from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module

from graphsparse.engine import InputError, resolve
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.pruning import (
    EdgeMask,
    EdgeScore,
    Init,
    Ticket,
    WeightMask,
    choose_edges,
    l0_support,
    zero_pruned,
)
from graphsparse.pruning.budget import check_sparsity, count_removed
from graphsparse.pruning.select import Selection, check_selection
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.training import Task, Training, Watch, check_whole, fit


@dataclass(frozen=True)
class Teddy(TicketSearch):
    r"""TEDDY: edges by multi-level degree at once, weights by projection (ICLR 2024).

    1. Train the dense network; keep its logits :math:`z^T` at the best epoch.
    2. Remove the edges of lowest score, once, from the original graph.
    3. From the same theta_0, train on the sparse graph under

       .. math:: L = CE + \lambda \frac{1}{N} \sum_i KL(\sigma(z^T_i) \| \sigma(z_i))

       over all N nodes, and after every step set all but the largest weights of all
       parameters together to 0. A weight that was zeroed may come back.

    Seo, Yun & Yang, "TEDDY: Trimming Edges with Degree-based Discrimination
    strategY", ICLR 2024, eqs. 4-6. The prunable set is every parameter.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        weight_sparsity: Fraction of weights removed, in [0, 1); ceil.
        distillation: Weight lambda of the teacher's logits. 0 trains no teacher.
        score: Which edge score; others than 'teddy' make the baselines.
        score_args: Options of the score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        official: As the authors' code: the two arcs of an edge are cut singly, and
            self-loops count in degrees and in the budget.
        training: Of both trainings.
    """

    graph_sparsity: float = 0.2
    weight_sparsity: float = 0.2
    distillation: float = 0.1
    score: str = 'teddy'
    score_args: Mapping[str, Any] = field(default_factory=dict)
    select: Selection = 'global'
    official: bool = False
    training: Training = field(default_factory=Training)

    def __post_init__(self) -> None:
        check_sparsity(self.graph_sparsity, 'graph_sparsity')
        check_sparsity(self.weight_sparsity, 'weight_sparsity')
        if not self.distillation >= 0:
            raise InputError(
                f'distillation has to be at least 0 (got {self.distillation}).'
            )
        check_selection(self.select)
        self.edge_score()

    def edge_score(self) -> EdgeScore:
        """The score with its options."""
        options = dict(self.score_args)
        if self.official and self.score == 'teddy':
            options['count_loops'] = True
        return resolve(EdgeScore, self.score, **options)  # type: ignore[type-abstract]

    def baselines(self) -> dict[str, TicketSearch]:
        """Random edges and first-order degree, all else equal."""
        return {
            name: replace(self, score=name, score_args={})
            for name in ('random', 'degree')
            if name != self.score
        }

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """Teacher, edges, projected training."""
        init = Init.of(model)
        terms = []
        if self.distillation:
            check_whole(task, 'Distillation (distillation=0 does without)')
            teacher = dense or Dense(self.training).search(
                model, task, seed, watch=watch
            )
            logits = task.infer(teacher.apply(model, task.graph)[0])
            terms.append(Distillation(logits, self.distillation))
        adj = to_adjacency(task.graph)
        edge_mask = self.choose_edges(adj, task.graph.x, seed)
        course = fit(
            model,
            task,
            self.training,
            graph=edge_mask.apply(task.graph),
            loss_terms=terms,
            project=self.project if self.weight_sparsity else None,
            seed=seed,
            stage='sparse',
            watch=watch,
        )
        return Ticket(
            method=self.name,
            config=self.config(),
            init=init,
            edge_mask=edge_mask,
            weight_mask=self.support(model) if self.weight_sparsity else None,
            trained=model.state_dict(),
            facts={'seed': seed, **course.summary()},
        )

    def choose_edges(self, adj: Adjacency, x: Tensor | None, seed: int) -> EdgeMask:
        """The edges kept, by score and selection alone."""
        keep = None
        if self.official:
            adj = adj.as_directed()
            removed = count_removed(adj.num_arcs + adj.num_loops, self.graph_sparsity)
            keep = max(adj.num_arcs - removed, 0)
        sparsity = self.graph_sparsity if keep is None else None
        score = self.edge_score()
        return choose_edges(adj, x, score, sparsity, keep, self.select, seed)

    def support(self, model: Module) -> WeightMask:
        """The largest weights of all parameters together."""
        return l0_support(dict(model.named_parameters()), self.weight_sparsity)

    def project(self, model: Module) -> None:
        """Set all other weights to 0, in place; optimiser moments stay."""
        zero_pruned(model, self.support(model).keep)


@dataclass(frozen=True, eq=False)
class Distillation:
    """Kullback-Leibler divergence from a teacher's softmax, mean over all nodes.

    Args:
        logits: The teacher's, ``[nodes, classes]``.
        weight: Factor lambda.
    """

    logits: Tensor
    weight: float

    def __call__(self, model: Module, out: Tensor) -> Tensor:
        """The term to add to the loss; 0 where ``out`` equals the teacher's."""
        if not isinstance(out, Tensor) or out.shape != self.logits.shape:
            raise InputError(
                'Distillation compares logits of nodes: links with a decoder of their '
                'own need distillation=0.'
            )
        student, teacher = out.log_softmax(-1), self.logits.log_softmax(-1)
        divergence = F.kl_div(student, teacher, reduction='batchmean', log_target=True)
        return self.weight * divergence
