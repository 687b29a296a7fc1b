"""Sparse from the first step to the last: weights are dropped and others grown."""

from __future__ import annotations

import math
from abc import abstractmethod
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.kernels import global_topk
from graphsparse.nn import MaskedNet
from graphsparse.pruning import prunable
from graphsparse.pruning.budget import check_sparsity
from graphsparse.pruning.distributions.erk import ErkDistribution
from graphsparse.pruning.schemes import draw_uniform
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.sparse_training import SparseTraining, check_share


@dataclass(frozen=True)
class DynamicSparse(SparseTraining):
    r"""Sparse-to-sparse training: drop the smallest weights, grow as many elsewhere.

    The net starts under random masks with Erdős-Rényi densities. After every
    ``every`` epochs, in the first ``until`` of the training, each matrix drops a
    share of the weights it has and takes as many new ones:

    .. math:: \alpha_t = \tfrac{\alpha}{2} (1 + \cos(\pi t / T_{end}))

    So the number of weights is the same after every step, in every matrix. The new
    ones start at 0, with the optimiser's moments at 0; what is dropped and grown at
    once was never gone and stays as it is.
    """

    weight_sparsity: float = 0.8
    drop: float = 0.3
    every: int = 10
    until: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sparsity(self.weight_sparsity, 'weight_sparsity')
        check_share(self.until, 'until')
        if not 0 <= self.drop <= 1:
            raise InputError(f'drop has to be in [0, 1] (got {self.drop}).')
        if not self.every >= 1:
            raise InputError(f'every has to be at least 1 (got {self.every}).')

    def baselines(self) -> dict[str, TicketSearch]:
        """The same random masks, never changed."""
        return {'static': replace(self, until=0.0)}

    def wrap(self, net: Module, graph: Data, seed: int) -> MaskedNet:
        """Random masks, exact in number over all matrices together."""
        noise = {n: draw_uniform(w.shape, seed, n) for n, w in prunable(net).items()}
        mask = ErkDistribution().select(noise, self.weight_sparsity)
        masked = MaskedNet(net, mask.keep)
        masked.clear()
        return masked

    @torch.no_grad()
    def project(self, net: MaskedNet, optimizer: Optimizer, seed: int) -> None:
        """Keep zeros at 0; from time to time drop and grow."""
        step = int(net.step)
        last = self.epoch_at(self.until)
        if step % self.every == 0 and step < last:
            share = self.drop / 2 * (1 + math.cos(math.pi * step / last))
            for name, weight in net.raw().items():
                before = net.keep[name]
                growth = self.growth(name, weight, seed, step)
                after = drop_and_grow(weight, before, growth, share)
                forget(optimizer, weight, before & after)
                net.set_keep({name: after})
        net.clear()

    @abstractmethod
    def growth(self, name: str, weight: Tensor, seed: int, step: int) -> Tensor:
        """The worth of growing each weight of a matrix; the highest grow."""


@dataclass(frozen=True)
class Rigl(DynamicSparse):
    """RigL: grow where the gradient is largest, of weights there or not (ICML 2020).

    Evci, Gale, Menick, Castro & Elsen, "Rigging the Lottery: Making All Tickets
    Winners", ICML 2020, algorithm 1: drop share 0.3, until 3/4 of the training. Two
    things differ: in an epoch of an update the optimiser's step is taken too, the
    gradient being that of the step, and ``every`` counts epochs, of full batches,
    where the paper has 100 batches. See :class:`DynamicSparse`.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
        weight_sparsity: Fraction of the matrices' weights removed; ceil.
        drop: Share alpha of a matrix's weights dropped at first; falls as a cosine.
        every: Epochs from one update to the next.
        until: Share of the training after which the masks stay as they are.
    """

    def growth(self, name: str, weight: Tensor, seed: int, step: int) -> Tensor:
        """The gradient's magnitude."""
        return torch.zeros_like(weight) if weight.grad is None else weight.grad.abs()

    def baselines(self) -> dict[str, TicketSearch]:
        """Random growth, and masks that never change."""
        options = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {'set': SET(**options), **super().baselines()}


@dataclass(frozen=True)
class SET(DynamicSparse):
    """Sparse evolutionary training: grow at random (Nature Communications 2018).

    Mocanu et al., "Scalable training of artificial neural networks with adaptive
    sparse connectivity inspired by network science", 2018, algorithm 1: share 0.3.
    As later work has it, the smallest magnitudes are dropped, whatever their sign, and
    the share falls as a cosine. See :class:`DynamicSparse`.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
        weight_sparsity: Fraction of the matrices' weights removed; ceil.
        drop: Share of a matrix's weights dropped at first; falls as a cosine.
        every: Epochs from one update to the next.
        until: Share of the training after which the masks stay as they are.
    """

    def growth(self, name: str, weight: Tensor, seed: int, step: int) -> Tensor:
        """Uniform numbers: a function of seed, step and name."""
        return draw_uniform(weight.shape, seed, name, step).to(weight.device)


def drop_and_grow(weight: Tensor, keep: Tensor, growth: Tensor, share: float) -> Tensor:
    """The next mask of a matrix, with as many weights as this one.

    Args:
        weight: Any shape.
        keep: The mask it has.
        growth: Worth of growing each weight, at least 0.
        share: Of the kept weights, the smallest are dropped; rounded down. Then the
            worthiest of all but the others are kept: what was dropped may stay.
    """
    count = int(keep.sum())
    dropped = int(share * count)
    survivors = global_topk(weight.abs().masked_fill(~keep, -1), count - dropped)
    return survivors | global_topk(growth.masked_fill(survivors, -1), dropped)


def forget(optimizer: Optimizer, weight: Tensor, but: Tensor) -> None:
    """Set the optimiser's moments of a parameter to 0 in place, save where ``but``."""
    for moment in optimizer.state.get(weight, {}).values():
        if isinstance(moment, Tensor) and moment.shape == weight.shape:
            moment.masked_fill_(~but, 0)
