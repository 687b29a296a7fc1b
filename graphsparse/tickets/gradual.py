from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError, resolve
from graphsparse.nn import MaskedNet
from graphsparse.pruning import Distribution, Schedule, prunable
from graphsparse.pruning.budget import check_sparsity, count_kept
from graphsparse.pruning.distributions.global_ import GlobalDistribution
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dynamic import SET
from graphsparse.tickets.sparse_training import SparseTraining, check_share


@dataclass(frozen=True)
class Gradual(SparseTraining):
    r"""Magnitude pruning while training, little by little (Zhu & Gupta 2017).

    After every ``every`` epochs the smallest weights go until the sparsity is

    .. math:: s_t = s_f - s_f \left(1 - \frac{t - t_0}{T - t_0}\right)^3

    and they never come back. Validation is always of the net cut to the final
    sparsity, also while the net in training has more weights: else an early, denser
    epoch would be chosen. So an epoch before ``end`` is chosen only where, cut at
    once, it is better than all that come after.

    Zhu & Gupta, "To prune, or not to prune", 2017, eq. 1; there each matrix has the
    same sparsity.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
        weight_sparsity: Fraction of the matrices' weights removed at the end; ceil.
        schedule: How the sparsity grows: 'cubic', 'linear' or 'geometric'.
        distribution: What each matrix has at the end: 'uniform', 'global' or 'erk'.
            Until then it has that at least; the rest goes by magnitude over all.
        every: Epochs from one pruning to the next.
        begin: Share of the training before the first weight goes.
        end: Share of the training at which the final sparsity is reached.
    """

    weight_sparsity: float = 0.8
    schedule: str = 'cubic'
    distribution: str = 'uniform'
    every: int = 1
    begin: float = 0.0
    end: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sparsity(self.weight_sparsity, 'weight_sparsity')
        check_share(self.begin, 'begin')
        check_share(self.end, 'end')
        if self.begin > self.end:
            raise InputError(
                f'begin has to be at most end={self.end} (got {self.begin}).'
            )
        if not self.every >= 1:
            raise InputError(f'every has to be at least 1 (got {self.every}).')
        self.make_schedule()
        self.make_distribution()

    def make_schedule(self) -> Schedule:
        """From nothing removed to all that shall be."""
        final = {'final': self.weight_sparsity}
        return resolve(Schedule, self.schedule, **final)  # type: ignore[type-abstract]

    def make_distribution(self) -> Distribution:
        """How the final weights are shared among the matrices."""
        return resolve(Distribution, self.distribution)  # type: ignore[type-abstract]

    def baselines(self) -> dict[str, TicketSearch]:
        """All at once after the first step, and random masks that never change."""
        static = SET(
            graph_sparsity=self.graph_sparsity,
            score=self.score,
            select=self.select,
            training=self.training,
            weight_sparsity=self.weight_sparsity,
            until=0.0,
        )
        return {'at_once': replace(self, begin=0.0, end=0.0), 'static': static}

    def wrap(self, net: Module, graph: Data, seed: int) -> MaskedNet:
        """Dense at first."""
        keep = {
            name: torch.ones_like(weight, dtype=torch.bool)
            for name, weight in prunable(net).items()
        }
        return ShrinkingNet(net, keep, self.make_distribution(), self.weight_sparsity)

    @torch.no_grad()
    def project(self, net: MaskedNet, optimizer: Optimizer, seed: int) -> None:
        """Prune when it is time, and keep zeros at 0."""
        step, last = int(net.step), max(self.epoch_at(self.end), 1)
        if step == last or (step < last and step % self.every == 0):
            assert isinstance(net, ShrinkingNet)
            first = self.epoch_at(self.begin)
            done = 1.0 if step == last else (step - first) / max(last - first, 1)
            net.shrink(self.make_schedule()(done))
        net.clear()


class ShrinkingNet(MaskedNet):
    """A net that loses weights in training and is evaluated as if it had lost all.

    Args:
        net: The net.
        keep: Masks by name; they only ever lose entries.
        distribution: How the final weights are shared among the matrices.
        sparsity: The final fraction removed of all of them together.
    """

    def __init__(
        self,
        net: Module,
        keep: Mapping[str, Tensor],
        distribution: Distribution,
        sparsity: float,
    ) -> None:
        super().__init__(net, keep)
        self.distribution, self.sparsity = distribution, sparsity

    def magnitudes(self) -> dict[str, Tensor]:
        """Of the weights; below 0 where they are gone."""
        keep = self.keep
        return {
            n: w.detach().abs().masked_fill(~keep[n], -1) for n, w in self.raw().items()
        }

    def support(self) -> dict[str, Tensor]:
        """The largest of the weights left, at the final sparsity."""
        magnitudes = self.magnitudes()
        return dict(self.distribution.select(magnitudes, self.sparsity).keep)

    def shrink(self, sparsity: float) -> None:
        """Cut the masks to a sparsity, at most the final one: exact, and nested.

        :meth:`support` stays, and the largest of the others, whatever their matrix.
        """
        magnitudes, support = self.magnitudes(), self.support()
        worth = {n: m.masked_fill(support[n], torch.inf) for n, m in magnitudes.items()}
        total = sum(m.numel() for m in worth.values())
        kept = count_kept(total, sparsity, count='ceil')
        self.set_keep(GlobalDistribution().keep(worth, kept))
