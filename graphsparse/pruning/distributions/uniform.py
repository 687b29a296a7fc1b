from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.pruning.distributions.base import Distribution, Scores, keep_shares


@dataclass(frozen=True)
class UniformDistribution(Distribution):
    """The same density in every tensor."""

    def keep(self, scores: Scores, kept: int) -> dict[str, Tensor]:
        """In proportion to size."""
        size = {name: score.numel() for name, score in scores.items()}
        total = max(sum(size.values()), 1)
        exact = {name: number * kept / total for name, number in size.items()}
        return keep_shares(scores, exact, kept)
