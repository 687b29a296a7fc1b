from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.pruning.weights.base import Probe, Weights, WeightScore


@dataclass(frozen=True)
class MagnitudeScore(WeightScore):
    """Absolute values: small weights go first (Han et al., NeurIPS 2015)."""

    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """``|w|``."""
        return {name: weight.abs() for name, weight in weights.items()}
