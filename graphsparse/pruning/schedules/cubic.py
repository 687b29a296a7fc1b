from __future__ import annotations

from dataclasses import dataclass

from graphsparse.pruning.schedules.base import Schedule


@dataclass(frozen=True)
class CubicSchedule(Schedule):
    r"""Fast at first, then slower (Zhu & Gupta 2017).

    :math:`s_t = s_f + (s_i - s_f) (1 - t)^{power}`
    """

    power: float = 3.0

    def grown(self, progress: float) -> float:
        """Flattens out towards ``final``."""
        return self.final + (self.initial - self.final) * (1 - progress) ** self.power
