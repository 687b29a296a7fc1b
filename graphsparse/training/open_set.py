from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Self

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data.checks import check_float, check_seed
from graphsparse.engine import InputError
from graphsparse.evaluation import ood_score, roc_auc
from graphsparse.training.node import NodeTask, Part


@dataclass(frozen=True, eq=False)
class OpenSetTask(NodeTask):
    """Classify nodes of some classes, in a graph that holds nodes of others too.

    Attributes:
        classes: The classes learned, by their numbers in the task before; the task's
            own labels are their places here.
        left_out: The classes nobody is told of.
    """

    classes: tuple[int, ...] = ()
    left_out: tuple[int, ...] = ()
    _strange: Tensor = field(default_factory=lambda: torch.empty(0, dtype=torch.long))

    def ood_auc(self, out: Tensor) -> float:
        """How well outputs tell test nodes of left-out classes from the others.

        ROC-AUC of minus the largest softmax entry, nodes of left-out classes positive.
        Reads which test nodes those are: once, at the end.

        Args:
            out: Logits for the whole graph ``[nodes, classes]``.
        """
        index = torch.cat([self._strange, self._test.index])
        positive = torch.arange(index.numel(), device=index.device)
        return roc_auc(ood_score(out[index]), positive < self._strange.numel())

    def evaluate_ood(self, model: Module, graph: Data | None = None) -> float:
        """:meth:`ood_auc` of a finished model, on the task's or a sparser graph."""
        return self.ood_auc(self.infer(model, graph))

    def to(self, device: torch.device | str) -> Self:
        """The same task on another device."""
        return replace(super().to(device), _strange=self._strange.to(device))


def leave_classes_out(
    task: NodeTask,
    fraction: float = 0.4,
    classes: Sequence[int] | None = None,
    seed: int = 0,
) -> OpenSetTask:
    """Leave whole classes out, to see whether a net notices what it never learned.

    Nodes of those classes leave training, validation and test, but stay in the graph
    as they are; the labels of the others are numbered anew, in order. The protocol of
    Huang et al., "You Can Have Better Graph Neural Networks by Not Training Weights at
    All", LoG 2022.

    Args:
        task: Which nodes, labels and graph.
        fraction: Of the classes, left out at random; the count is rounded down.
        classes: Or which classes.
        seed: Of the draw.

    Raises:
        InputError: If no class or all but one would be left out, a class is not the
            task's, or a part would be left without nodes.
    """
    if task.metric != 'accuracy':
        raise InputError(f'Left out are classes, and {task.metric} judges labels.')
    total = task.out_channels
    if classes is None:
        count = int(check_float('fraction', fraction, 0, 1) * total + 1e-9)
        generator = torch.Generator().manual_seed(check_seed(seed))
        classes = torch.randperm(total, generator=generator)[:count].tolist()
    left_out = tuple(sorted({*classes}))
    for label in left_out:
        if not 0 <= label < total:
            raise InputError(f'Class {label} is not among 0 to {total - 1}.')
    if not 1 <= len(left_out) <= total - 2:
        raise InputError(
            f'Of {total} classes at least one has to be left out and at least two have '
            f'to stay (left out: {list(left_out)}).'
        )
    known = tuple(c for c in range(total) if c not in left_out)
    number = torch.full((total,), -1, device=task.train.y.device)
    number[list(known)] = torch.arange(len(known), device=number.device)

    def keep(part: Part, name: str) -> Part:
        y = number[part.y]
        if not (y >= 0).any():
            raise InputError(f'Without classes {list(left_out)} {name} has no nodes.')
        return Part(part.index[y >= 0], y[y >= 0])

    strange = task._test.index[number[task._test.y] < 0]
    if not strange.numel():
        raise InputError(f'No test node is of the classes left out, {list(left_out)}.')
    return OpenSetTask(
        graph=task.graph,
        out_channels=len(known),
        train=keep(task.train, 'train'),
        _val=keep(task._val, 'val'),
        _test=keep(task._test, 'test'),
        metric=task.metric,
        classes=known,
        left_out=left_out,
        _strange=strange,
    )
