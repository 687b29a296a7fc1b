from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field
from functools import partial

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.data.checks import check_float, check_int
from graphsparse.graph import Normalization, Propagation, to_adjacency
from graphsparse.scaling.base import Branch, Branched, one_hot_labels
from graphsparse.scaling.decoupled import Decoupled
from graphsparse.training import NodeTask, Task, Training, Watch


@dataclass(frozen=True)
class CorrectAndSmooth(Branch):
    r"""Spread a prediction's errors on training nodes, then labels, over the graph.

    With soft predictions Z of any base and one-hot training labels Y on nodes L,

    1. correct: the errors :math:`E = Y - Z` on L, 0 elsewhere, are propagated,
       :math:`\hat E \leftarrow \alpha S \hat E + (1 - \alpha) E`, clamped to [-1, 1];
       each row is scaled to the mean 1-norm of E over L and added to Z;
    2. smooth: with Y put in on L, that is propagated likewise, clamped to [0, 1].

    Huang et al., "Combining Label Propagation and Simple Models Out-performs Graph
    Neural Networks", ICLR 2021 (section 2, autoscale). Only training labels are read.
    Defaults are those of Duan et al. (NeurIPS 2022 data sets and benchmarks), whose
    base had spectral embeddings among its features as well.

    Args:
        base: What predicts; a perceptron of the features by default.
        correct_alpha: Share of the neighbours in a step of the first propagation.
        correct_steps: How many steps; 0 leaves errors where they are.
        correct_normalization: Of its graph.
        smooth_alpha: The same of the second.
        smooth_steps: The same of the second.
        smooth_normalization: The same of the second.
    """

    base: Branch = field(
        default_factory=lambda: Decoupled(
            net='mlp',
            hops=0,
            hidden_channels=256,
            dropout=0.5,
            training=Training(epochs=50, lr=0.01, weight_decay=0.0),
        )
    )
    correct_alpha: float = 0.979163
    correct_steps: int = 50
    correct_normalization: Normalization = 'row'
    smooth_alpha: float = 0.756499
    smooth_steps: int = 50
    smooth_normalization: Normalization = 'column'

    def __post_init__(self) -> None:
        for name in ('correct', 'smooth'):
            check_float(f'{name}_alpha', getattr(self, f'{name}_alpha'), 0, 1)
            check_int(f'{name}_steps', getattr(self, f'{name}_steps'), 0)

    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """The base, then two propagations; logits are logarithms of soft labels."""
        labels = one_hot_labels(task, 'Correct and Smooth')
        index = task.train.index.cpu()
        based = self.base.run(task, seed, watch)
        start = time.perf_counter()
        adj = to_adjacency(copy.copy(task.graph).cpu(), undirected=False)
        make = partial(Propagation.of, adj, dtype=labels.dtype)
        soft = based.logits.to(labels.dtype).softmax(-1)
        soft = self.correct(soft, labels, index, make(self.correct_normalization))
        soft = self.smooth(soft, labels, index, make(self.smooth_normalization))
        seconds = time.perf_counter() - start
        logits = soft.clamp_min(torch.finfo(soft.dtype).tiny).log()
        facts = {**based.facts, 'smooth_seconds': seconds}
        return Branched(logits, None, based.courses, facts)

    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, Task]:
        """Those of the base."""
        return self.base.begin(task, seed, watch)

    def baselines(self) -> dict[str, Branch]:
        """The base as it is."""
        return {'base': self.base}

    def correct(
        self, soft: Tensor, labels: Tensor, index: Tensor, step: Propagation
    ) -> Tensor:
        """Soft predictions with the errors of training nodes spread, and scaled.

        A row that no error reaches stays as it is.

        Args:
            soft: ``[nodes, classes]``.
            labels: One-hot, read on training nodes only ``[nodes, classes]``.
            index: Training nodes.
            step: The graph.
        """
        error = torch.zeros_like(soft)
        error[index] = labels[index] - soft[index]
        spread = _propagate(
            step, error, self.correct_alpha, self.correct_steps, (-1.0, 1.0)
        )
        size = error[index].abs().sum() / index.numel()
        scale = size / spread.abs().sum(dim=1, keepdim=True)
        # What is next to nothing is not blown up: the authors' bound.
        scale[~scale.isfinite() | (scale > 1000)] = 1.0
        return soft + scale * spread

    def smooth(
        self, soft: Tensor, labels: Tensor, index: Tensor, step: Propagation
    ) -> Tensor:
        """Soft predictions and training labels spread; arguments as in correct."""
        given = soft.clone()
        given[index] = labels[index]
        return _propagate(step, given, self.smooth_alpha, self.smooth_steps, (0.0, 1.0))


def _propagate(
    step: Propagation, y: Tensor, alpha: float, steps: int, span: tuple[float, float]
) -> Tensor:
    """Personalised propagation, each step clamped."""
    out = y
    for _ in range(steps):
        out = (step @ out).mul_(alpha).add_(y, alpha=1 - alpha).clamp_(*span)
    return out
