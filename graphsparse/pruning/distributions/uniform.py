from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.pruning.distributions.base import Distribution, Scores, keep_shares


@dataclass(frozen=True)
class UniformDistribution(Distribution):
    """The same density in every tensor."""

    def keep(self, scores: Scores, kept: int) -> dict[str, Tensor]:
        """In proportion to size."""
        total = sum(score.numel() for score in scores.values())
        exact = {name: score.numel() * kept / total for name, score in scores.items()}
        return keep_shares(scores, exact, kept)
