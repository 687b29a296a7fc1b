from __future__ import annotations

from dataclasses import dataclass

from graphsparse.pruning.schedules.base import Schedule


@dataclass(frozen=True)
class GeometricSchedule(Schedule):
    r"""The same fraction of what remains at every step (Frankle & Carbin 2019).

    With a rate r a round, :math:`s_k = 1 - (1 - r)^k`; here from both ends:
    :math:`1 - s_t = (1 - s_i)^{1-t} (1 - s_f)^t`.
    """

    @staticmethod
    def at_rate(rate: float, rounds: int) -> GeometricSchedule:
        """The schedule that removes ``rate`` of what remains, ``rounds`` times."""
        return GeometricSchedule(final=1 - (1 - rate) ** rounds)

    def grown(self, progress: float) -> float:
        """A constant factor a step in what is kept."""
        return 1 - (1 - self.initial) ** (1 - progress) * (1 - self.final) ** progress
