from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphsparse.training.node import Part


@dataclass(frozen=True, eq=False)
class PseudoLabelState:
    """The nodes trained on: those of the split, and others by confident predictions.

    A value: :meth:`grow` gives another one, and what it hands out are copies. So the
    split's own nodes and labels are the same after any number of rounds, and a node
    added is never taken for one of them.
    """

    _train: Part
    _rows: Tensor
    _target: Tensor

    @staticmethod
    def of(train: Part, num_nodes: int) -> PseudoLabelState:
        """The split's training nodes, classes ``[len(train.index)]``, and no other."""
        own = Part(train.index.cpu().clone(), train.y.cpu().clone())
        rows = torch.zeros(num_nodes, dtype=torch.bool)
        target = torch.zeros(num_nodes, dtype=own.y.dtype)
        rows[own.index] = True
        target[own.index] = own.y
        return PseudoLabelState(own, rows, target)

    @property
    def mask(self) -> Tensor:
        """The nodes trained on, boolean ``[nodes]``."""
        return self._rows.clone()

    @property
    def target(self) -> Tensor:
        """The class each of them is trained towards ``[nodes]``; 0 elsewhere."""
        return self._target.clone()

    def grow(self, logits: Tensor, threshold: float) -> PseudoLabelState:
        """With the nodes whose largest probability is at least ``threshold``.

        They take the class predicted, those added before a new one; none is dropped.
        The split's training nodes keep their labels.

        Args:
            logits: ``[nodes, classes]``.
            threshold: Above 1 adds none, 0 all.
        """
        confidence, predicted = logits.cpu().softmax(-1).max(-1)
        sure = confidence >= threshold
        target = torch.where(sure, predicted, self._target)
        target[self._train.index] = self._train.y
        return replace(self, _rows=self._rows | sure, _target=target)

    def part(self, without: Tensor | None = None) -> Part:
        """Nodes and classes to train on, less those marked in ``without`` [nodes]."""
        rows = self._rows if without is None else self._rows & ~without
        index = rows.nonzero().view(-1)
        return Part(index, self._target[index])
