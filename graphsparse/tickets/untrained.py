from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch.nn import Module, Parameter, ParameterList

from graphsparse.engine import InputError, resolve
from graphsparse.engine.find import unknown
from graphsparse.graph import to_adjacency
from graphsparse.nn.reparametrized import Reparametrized
from graphsparse.pruning import (
    Distribution,
    EdgeScore,
    Init,
    Schedule,
    Scheme,
    Ticket,
    WeightMask,
    choose_edges,
    prunable,
    redraw,
)
from graphsparse.pruning.budget import Count, check_sparsity, count_removed
from graphsparse.pruning.distributions.global_ import GlobalDistribution
from graphsparse.pruning.distributions.uniform import UniformDistribution
from graphsparse.pruning.schedules.cubic import CubicSchedule
from graphsparse.pruning.schemes import check_scheme, draw_weight
from graphsparse.tickets.base import TicketSearch
from graphsparse.training import Task, Training, Watch, fit

Threshold = Literal['global', 'layer']
THRESHOLDS: dict[str, Distribution] = {
    'global': GlobalDistribution(),
    'layer': UniformDistribution(),
}


@dataclass(frozen=True)
class Untrained(TicketSearch):
    r"""Untrained tickets: a subnet of random weights that are never trained (LoG 2022).

    Weights W are drawn once from the seed. Every matrix and attention vector has
    scores S, drawn independently, which are all that is trained; the net runs with

    .. math:: W' = W \odot [S \ge t], \qquad
              \frac{\partial L}{\partial S} := W \odot \frac{\partial L}{\partial W'}

    the gradient straight through the mask, so that pruned weights may come back. One
    threshold t over all scores grows with the sparsity
    :math:`s_t = s_f (1 - (1 - 2t/T)^{power})` in the first half of T epochs and stays
    at :math:`s_f` in the second; validation is always at :math:`s_f`.

    Huang et al., "You Can Have Better Graph Neural Networks by Not Training Weights at
    All: Finding Untrained GNNs Tickets", LoG 2022. Their schedule has power 1, the one
    of Zhu & Gupta that they cite has 3; on Cora's validation part they differ by less
    than a point (``benchmarks/tickets/untrained.json``). With ``threshold='layer'`` and
    no ``gradual`` it is Edge-Popup (Ramanujan et al., CVPR 2020). Further coats are of
    Yan et al., "Multicoated and Folded Graph Neural Networks with Strong Lottery
    Tickets", LoG 2023: a weight counts once for every one of several thresholds it
    passes.

    The prunable set is all matrices and attention vectors; biases are 0. A ticket is
    the seed and the masks, a bit a weight. Only where the net has buffers that training
    moved (the statistics of a batch norm), they are kept, and the kept weights with
    them.

    Args:
        weight_sparsity: Fraction of weights removed at the end, in [0, 1); ceil.
        graph_sparsity: Fraction of edges removed before the search; floor of pairs.
        score: Which edge score chooses them.
        init: How weights are drawn.
        threshold: One for all, or one for each tensor at the same sparsity.
        gradual: Whether sparsity grows, or is final from the start.
        power: Of the growth.
        coats: How many thresholds.
        coat_sparsity: Of the last coat; those between are evenly spaced. By default
            they are spaced so that another one would keep nothing.
        count: How the number removed is rounded.
        logit_scale: The loss sees the logits times this number; the ticket does not.
            What is trained cannot make a small net loud: with features whose rows sum
            up to 1, logits of random weights are so small that the loss is a linear
            function of them, whatever the scores. The paper has 1; on Cora 20 gains
            1 to 3 points on validation (``benchmarks/tickets/untrained.json``).
        training: Of the scores; weight decay 0.
    """

    weight_sparsity: float = 0.9
    graph_sparsity: float = 0.0
    score: str = 'teddy'
    init: Scheme = 'kaiming_uniform'
    threshold: Threshold = 'global'
    gradual: bool = True
    power: float = 1.0
    coats: int = 1
    coat_sparsity: float | None = None
    count: Count = 'ceil'
    logit_scale: float = 1.0
    training: Training = field(
        default_factory=lambda: Training(400, 0.01, 0.0, optimizer='AdamW')
    )

    def __post_init__(self) -> None:
        check_sparsity(self.weight_sparsity, 'weight_sparsity')
        check_sparsity(self.graph_sparsity, 'graph_sparsity')
        resolve(EdgeScore, self.score)  # type: ignore[type-abstract]
        check_scheme(self.init)
        if self.threshold not in THRESHOLDS:
            raise unknown('threshold', self.threshold, list(get_args(Threshold)))
        count_removed(1, self.weight_sparsity, self.count)
        for name in ('power', 'logit_scale'):
            if not 0 < getattr(self, name) < math.inf:
                raise InputError(
                    f'{name} has to be above 0 and finite (got {getattr(self, name)}).'
                )
        if isinstance(self.coats, bool) or self.coats != int(self.coats):
            raise InputError(f'coats has to be a whole number (got {self.coats}).')
        if self.coats < 1 or (self.coats > 1 and self.threshold == 'layer'):
            raise InputError(
                'coats has to be at least 1, and 1 where every tensor has a threshold '
                f"of its own (got {self.coats}): threshold='global'."
            )
        if self.coat_sparsity is not None:
            check_sparsity(self.coat_sparsity, 'coat_sparsity')
            if self.coats == 1 or self.coat_sparsity <= self.weight_sparsity:
                raise InputError(
                    'coat_sparsity is of the last of several coats, above '
                    f'weight_sparsity={self.weight_sparsity} (got '
                    f'{self.coat_sparsity} with coats={self.coats}).'
                )

    def baselines(self) -> dict[str, TicketSearch]:
        """Edge-Popup: a threshold for each tensor, at the final sparsity throughout."""
        plain = replace(
            self, threshold='layer', gradual=False, coats=1, coat_sparsity=None
        )
        return {} if plain == self else {'edge_popup': plain}

    def sparsities(self) -> list[float]:
        """The final sparsity of each coat, ascending."""
        low, high, steps = self.weight_sparsity, 1.0, self.coats
        if self.coat_sparsity is not None:
            high, steps = self.coat_sparsity, self.coats - 1
        return [low + (high - low) * coat / steps for coat in range(self.coats)]

    def schedules(self) -> list[Schedule]:
        """How each coat's sparsity grows over the ramp."""
        return [
            CubicSchedule(final, 0.0 if self.gradual else final, power=self.power)
            for final in self.sparsities()
        ]

    def run(
        self, model: Module, task: Task, seed: int, dense: Ticket | None, watch: Watch
    ) -> Ticket:
        """Remove edges, draw weights and scores, train the scores."""
        graph, edge_mask = task.graph, None
        if self.graph_sparsity:
            adj, x = to_adjacency(graph), graph.x
            edge_mask = choose_edges(adj, x, self.score, self.graph_sparsity, seed=seed)
            graph = edge_mask.apply(graph)
        redraw(model, self.init, seed)
        init = Init.seeded(model, seed, self.init)
        buffers = {name: b.detach().clone() for name, b in model.named_buffers()}
        scored = ScoredNet(
            model,
            seed,
            self.schedules(),
            self.training.epochs,
            THRESHOLDS[self.threshold],
            self.count,
            self.logit_scale,
        )
        course = fit(
            scored,
            task,
            self.training,
            graph=graph,
            project=end_epoch,
            seed=seed,
            stage='scores',
            watch=watch,
        )
        first, *coats = scored.masks()
        moved = any(not torch.equal(b, buffers[n]) for n, b in model.named_buffers())
        return Ticket(
            method=self.name,
            config=self.config(),
            init=init,
            edge_mask=edge_mask,
            weight_mask=first,
            coats=coats,
            trained=first.apply(model.state_dict()) if moved else None,
            facts={'seed': seed, **course.summary()},
        )


class ScoredNet(Reparametrized):
    """A net of fixed weights under the masks of trained scores.

    In training mode the masks have the sparsities that the epoch calls for, in
    evaluation mode the final ones.

    Args:
        net: The net; its parameters are frozen.
        seed: Of the scores.
        schedules: Of each coat's sparsity, ascending, over the first half.
        epochs: Of the whole training.
        threshold: How the budget is shared among tensors.
        count: How the number removed is rounded.
        logit_scale: Factor of what the net gives in training mode.
    """

    epoch: Tensor

    def __init__(
        self,
        net: Module,
        seed: int,
        schedules: Sequence[Schedule],
        epochs: int,
        threshold: Distribution,
        count: Count = 'ceil',
        logit_scale: float = 1.0,
    ) -> None:
        super().__init__(net.requires_grad_(False))
        self.schedules = list(schedules)
        self.ramp = epochs / 2
        self.threshold = threshold
        self.count: Count = count
        self.logit_scale = logit_scale
        self.prunable = prunable(net, attention=True)
        self.scores = ParameterList(
            Parameter(
                draw_weight(
                    weight.shape, 'kaiming_uniform', seed, f'score of {name}'
                ).to(weight)
            )
            for name, weight in self.prunable.items()
        )
        self.register_buffer('epoch', torch.zeros((), dtype=torch.int64))
        self._known: tuple[Any, list[WeightMask]] | None = None

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """The net under its masks; in training mode times ``logit_scale``."""
        out = super().forward(*args, **kwargs)
        return out * self.logit_scale if self.training else out

    def sparsities(self) -> list[float]:
        """Of each coat: what the epoch calls for in training mode, else the final."""
        progress = float(self.epoch) / self.ramp if self.training else 1.0
        return [schedule(progress) for schedule in self.schedules]

    def masks(self) -> list[WeightMask]:
        """The masks of all coats, each within the one before.

        They are kept until a score or a sparsity changes: after the ramp a training
        step runs with those that the epoch before was validated with.
        """
        sparsities = self.sparsities()
        key = [score._version for score in self.scores], sparsities
        if self._known is None or self._known[0] != key:
            scores = dict(zip(self.prunable, self.scores, strict=True))
            masks = [self.threshold.select(scores, s, self.count) for s in sparsities]
            self._known = key, masks
        return self._known[1]

    def weights(self) -> Mapping[str, Tensor]:
        """Every weight times the number of masks that keep it."""
        masks = self.masks()
        out = {}
        for (name, weight), score in zip(
            self.prunable.items(), self.scores, strict=True
        ):
            times = masks[0].keep[name]
            for coat in masks[1:]:
                times = times.to(weight.dtype) + coat.keep[name]
            out[name] = StraightThrough.apply(score, weight, times)
        return out


def end_epoch(model: Module) -> None:
    """Count a step of a :class:`ScoredNet`."""
    assert isinstance(model, ScoredNet)
    model.epoch += 1


class StraightThrough(torch.autograd.Function):
    """``weight * times``, with the gradient to the score as if ``times`` were it."""

    @staticmethod
    def forward(ctx: Any, score: Tensor, weight: Tensor, times: Tensor) -> Tensor:
        """The weights of the net; ``score`` is read through ``times`` alone."""
        ctx.save_for_backward(weight)
        return weight * times

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """``weight * grad``, pruned or not."""
        (weight,) = ctx.saved_tensors
        return weight * grad, None, None
