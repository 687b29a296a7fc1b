from __future__ import annotations

from dataclasses import dataclass

from graphsparse.pruning.schedules.base import Schedule


@dataclass(frozen=True)
class LinearSchedule(Schedule):
    """The same fraction at every step."""

    def grown(self, progress: float) -> float:
        """A straight line."""
        return self.initial + (self.final - self.initial) * progress
