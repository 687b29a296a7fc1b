from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.kernels.streams import fold, step_key, uniform
from graphsparse.pruning.weights.base import Probe, Weights, WeightScore


@dataclass(frozen=True)
class RandomScore(WeightScore):
    """Uniform numbers: the null every other score has to beat.

    With the densities of :class:`ErkDistribution` it is the random pruning of Liu et
    al., "The Unreasonable Effectiveness of Random Pruning", ICLR 2022.
    """

    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """A function of seed and name, so the order of the weights is out."""
        return {name: _draw(w, name, seed).to(w.device) for name, w in weights.items()}


def _draw(weight: Tensor, name: str, seed: int) -> Tensor:
    # Another label than initial weights are drawn by: masks must not follow those.
    digest = hashlib.sha256(f'score of {name}'.encode()).digest()
    key = step_key(seed, int.from_bytes(digest[:7], 'big'))
    return uniform(fold(key, torch.arange(weight.numel())), 0).view(weight.shape)
