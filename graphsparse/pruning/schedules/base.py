from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

from graphsparse.engine import InputError
from graphsparse.pruning.budget import check_sparsity


@dataclass(frozen=True)
class Schedule(ABC):
    """A sparsity that grows from ``initial`` to ``final``.

    Args:
        final: Fraction removed at the end, in [0, 1).
        initial: Fraction removed at the start, at most ``final``.
    """

    final: float
    initial: float = 0.0

    def __post_init__(self) -> None:
        check_sparsity(self.final, 'final')
        if not 0 <= self.initial <= self.final:
            raise InputError(
                f'initial has to be in [0, final={self.final}] (got {self.initial}).'
            )

    @abstractmethod
    def grown(self, progress: float) -> float:
        """The sparsity at ``progress`` in [0, 1]."""

    def __call__(self, progress: float) -> float:
        """The sparsity at ``progress``, held at either end outside [0, 1]."""
        return self.grown(min(max(progress, 0.0), 1.0))
