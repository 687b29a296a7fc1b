from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.nn import MaskedNet
from graphsparse.pruning import prunable
from graphsparse.pruning.n_m import select_n_m
from graphsparse.pruning.schemes import draw_uniform
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.sparse_training import SparseTraining, check_share

Decay = Literal['linear', 'exponential', 'stepwise', 'none', 'random']
Gradient = Literal['straight', 'masked']


@dataclass(frozen=True)
class NM(SparseTraining):
    r"""N of every M consecutive weights, with the others fading out (CPAL 2025).

    In training the net runs under

    .. math:: w \odot (m + (1 - m) \, \delta_t)

    where the mask m is of the N largest magnitudes in every M inputs of an output,
    taken anew after every step, and :math:`\delta_t` falls to 0: as a line or as
    :math:`e^{-5t/T}`. With 'stepwise' it is 0 throughout and it is N that falls, in
    equal times: M-1, M/2, M/4, ..., N. From T on the mask stays as it is. Every epoch
    is validated at N:M, without what fades.

    Bambhaniya et al., "Progressive Gradient Flow for Robust N:M Sparsity Training in
    Transformers", CPAL 2025: MdGf and SdGf. Inputs beyond the last block of M stay
    dense (Cora's 1433 are 358 blocks of 4 and one more), and so does a matrix of
    fewer than M inputs.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
        n: How many weights of a block stay; with m it is the weight sparsity.
        m: Weights in a block.
        decay: 'linear', 'exponential' or 'stepwise', 'none' for N:M from the first
            step, or 'random' for a random N:M mask that never changes.
        gradient: 'straight' gives every weight the gradient of the one it is run as;
            'masked' is the derivative, so what fades learns less and less.
        end: Share of the training at which nothing but N:M is left.
    """

    n: int = 2
    m: int = 4
    decay: Decay = 'linear'
    gradient: Gradient = 'straight'
    end: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 1 <= self.n <= self.m:
            raise InputError(f'n has to be between 1 and m={self.m} (got {self.n}).')
        check_share(self.end, 'end')
        for name, kind in (('decay', Decay), ('gradient', Gradient)):
            if getattr(self, name) not in get_args(kind):
                raise unknown(name, getattr(self, name), list(get_args(kind)))

    def baselines(self) -> dict[str, TicketSearch]:
        """N:M from the first step, and a random mask that never changes."""
        return {
            name: replace(self, decay=name)
            for name in ('none', 'random')
            if name != self.decay
        }

    def wrap(self, net: Module, graph: Data, seed: int) -> MaskedNet:
        """Dense at first, but for what the masks will fade."""
        weights = prunable(net)
        if all(weight.size(1) < self.m for weight in weights.values()):
            widest = max(weight.size(1) for weight in weights.values())
            raise InputError(
                f'No matrix has a block of m={self.m} inputs; the widest has {widest}.'
            )
        drawn = self.decay == 'random'
        keep = {
            name: select_n_m(
                draw_uniform(w.shape, seed, name) if drawn else w.detach().abs(),
                self.n,
                self.m,
            )
            for name, w in weights.items()
        }
        masked = FadingNet(net, keep, self.m, self.gradient == 'straight')
        self.set_fade(masked)
        return masked

    @torch.no_grad()
    def project(self, net: MaskedNet, optimizer: Optimizer, seed: int) -> None:
        """Masks anew, until the end; how far the others have faded."""
        assert isinstance(net, FadingNet)
        if self.decay != 'random' and int(net.step) <= self.epoch_at(self.end):
            magnitudes = {name: w.abs() for name, w in net.raw().items()}
            net.set_keep(
                {k: select_n_m(v, self.n, self.m) for k, v in magnitudes.items()}
            )
        self.set_fade(net)

    def set_fade(self, net: FadingNet) -> None:
        """What the next step runs on."""
        step, last = int(net.step), self.epoch_at(self.end)
        progress = step / last if step < last else 1.0
        net.leak.fill_(self.leak_at(progress))
        count = self.count_at(progress)
        net.count.fill_(count if count > self.n else 0)

    def leak_at(self, progress: float) -> float:
        """The factor delta of masked weights."""
        if progress >= 1:
            return 0.0
        if self.decay == 'linear':
            return 1 - progress
        return math.exp(-5 * progress) if self.decay == 'exponential' else 0.0

    def count_at(self, progress: float) -> int:
        """How many of a block are run; more than n where 'stepwise' is on its way."""
        if self.decay != 'stepwise':
            return self.n
        stages = [self.m - 1]
        while stages[-1] > self.n:
            stages.append(max(self.m >> len(stages), self.n))
        stage = int(progress * len(stages))
        return max(stages[min(stage, len(stages) - 1)], self.n)


class FadingNet(MaskedNet):
    """A net whose masked weights run at a fraction of themselves in training.

    Args:
        net: The net.
        keep: N:M masks by name.
        m: Weights in a block.
        straight: Whether gradients pass through the masking.

    Attributes:
        leak: What masked weights are multiplied with.
        count: How many of a block are run, if more than N; else 0.
    """

    leak: Tensor
    count: Tensor

    def __init__(
        self, net: Module, keep: Mapping[str, Tensor], m: int, straight: bool
    ) -> None:
        super().__init__(net, keep)
        self.m, self.straight = m, straight
        self.register_buffer('leak', torch.zeros(()))
        self.register_buffer('count', torch.zeros((), dtype=torch.int64))

    def weights(self) -> Mapping[str, Tensor]:
        """Faded in training mode, under the masks in evaluation mode."""
        if not self.training:
            return super().weights()
        return {n: self.faded(w, self.keep[n]) for n, w in self.raw().items()}

    def faded(self, weight: Tensor, keep: Tensor) -> Tensor:
        """One matrix as it is run in training."""
        raw, leak, count = weight.detach(), float(self.leak), int(self.count)
        if count:
            keep = select_n_m(raw.abs(), count, self.m)
        if not self.straight:
            return torch.where(keep, weight, weight * leak)
        run = torch.where(keep, raw, raw * leak)
        return weight + (run - raw)
