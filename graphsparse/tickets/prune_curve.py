from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, resolve
from graphsparse.engine.find import unknown
from graphsparse.graph import to_adjacency
from graphsparse.pruning import (
    EdgeMask,
    EdgeScore,
    WeightScore,
    prunable,
    select_edges,
    select_weights,
    zero_pruned,
)
from graphsparse.pruning.budget import check_sparsity
from graphsparse.pruning.init import ModelLike, initial_model
from graphsparse.pruning.select import Selection
from graphsparse.training import Task, as_task, make_probe

Target = Literal['weights', 'edges']
TENTHS = tuple(tenth / 10 for tenth in range(10))


@dataclass(frozen=True)
class PruneCurve:
    """Validation score against one-shot sparsity, nothing retrained.

    Attributes:
        target: 'weights' or 'edges'.
        sparsities: Fractions removed, growing.
        val: Validation score at each.
        unpruned: Validation score with nothing removed.
        tolerance: Loss of score that counts as none.
    """

    target: Target
    sparsities: list[float]
    val: list[float]
    unpruned: float
    tolerance: float

    @property
    def essential(self) -> float:
        """Essential sparsity: the last one before the curve falls off.

        The largest sparsity up to which every score is at most ``tolerance`` below
        that of the unpruned net; 0 if already the first falls.
        """
        last = 0.0
        for sparsity, val in zip(self.sparsities, self.val, strict=True):
            # Scores are shares of a few hundred nodes: their differences round.
            if self.unpruned - val > self.tolerance + 1e-9:
                break
            last = sparsity
        return last


def prune_curve(
    model: ModelLike,
    data_or_task: Data | Task,
    target: Target = 'weights',
    sparsities: Sequence[float] = TENTHS,
    score: str | WeightScore | EdgeScore | None = None,
    distribution: str = 'global',
    select: Selection = 'global',
    tolerance: float = 0.01,
    seed: int = 0,
) -> PruneCurve:
    """How much of a trained net, or of its graph, can go at once and unnoticed.

    Jaiswal et al., "The Emergence of Essential Sparsity in Large Pre-trained Models",
    NeurIPS 2023, for weights; the same for edges. Reads no test labels.

    Args:
        model: A trained module, never changed, or a factory.
        data_or_task: What it was trained on.
        target: 'weights' or 'edges'.
        sparsities: Fractions removed, in [0, 1), growing.
        score: Of weights ('magnitude' by default) or of edges ('teddy' by default).
        distribution: How kept weights are shared among layers.
        select: How edges are selected.
        tolerance: Fall of the validation score that counts as none, as a fraction.
        seed: For random scores.

    Raises:
        InputError: If an option is unknown, sparsities do not grow, or tolerance is
            negative.
    """
    if target not in get_args(Target):
        raise unknown('target', target, list(get_args(Target)))
    levels = [check_sparsity(sparsity, 'sparsities') for sparsity in sparsities]
    if not levels or any(a >= b for a, b in pairwise(levels)):
        raise InputError(f'sparsities have to grow (got {list(sparsities)}).')
    if not tolerance >= 0:
        raise InputError(f'tolerance has to be at least 0 (got {tolerance}).')
    task = as_task(data_or_task)
    net = initial_model(model, seed).to(task.device)
    if target == 'edges':
        edges: EdgeScore = resolve(EdgeScore, _or(score, 'teddy'))
        val = _prune_edges(net, task, levels, edges, select, seed)
    else:
        weights: WeightScore = resolve(WeightScore, _or(score, 'magnitude'))
        val = _prune_weights(net, task, levels, weights, distribution, seed)
    unpruned = task.val_score(task.infer(net))
    return PruneCurve(target, levels, val, unpruned, tolerance)


def _or(score: Any, default: str) -> Any:
    return default if score is None else score


def _prune_edges(
    net: Module,
    task: Task,
    levels: Sequence[float],
    score: EdgeScore,
    select: Selection,
    seed: int,
) -> list[float]:
    adj = to_adjacency(task.graph)
    worth = score(adj, task.graph.x, seed)
    val = []
    for level in levels:
        mask = EdgeMask.of(adj, select_edges(adj, worth, select, level))
        val.append(task.val_score(task.infer(net, mask.apply(task.graph))))
    return val


def _prune_weights(
    net: Module,
    task: Task,
    levels: Sequence[float],
    score: WeightScore,
    distribution: str,
    seed: int,
) -> list[float]:
    probe = make_probe(net, task) if score.needs_probe else None
    weights = prunable(net)
    val = []
    for level in levels:
        mask = select_weights(weights, level, score, distribution, probe, seed)
        pruned = copy.deepcopy(net)
        zero_pruned(pruned, mask.keep)
        val.append(task.val_score(task.infer(pruned)))
    return val
