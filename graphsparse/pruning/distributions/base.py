from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass

from torch import Tensor

from graphsparse.kernels import global_topk
from graphsparse.pruning.budget import Count, count_kept
from graphsparse.pruning.masks import WeightMask

Scores = Mapping[str, Tensor]


@dataclass(frozen=True)
class Distribution(ABC):
    """Shares one exact number of kept weights among tensors."""

    @abstractmethod
    def keep(self, scores: Scores, kept: int) -> dict[str, Tensor]:
        """Boolean masks like ``scores`` with ``kept`` True in all."""

    def select(
        self, scores: Scores, sparsity: float, count: Count = 'ceil'
    ) -> WeightMask:
        """Keep the highest scores, exact in number over all tensors together.

        Args:
            scores: By parameter name, no NaN.
            sparsity: Fraction removed of all together, in [0, 1).
            count: How the removed number is rounded.
        """
        total = sum(score.numel() for score in scores.values())
        return WeightMask(self.keep(scores, count_kept(total, sparsity, count=count)))


def keep_shares(
    scores: Scores, exact: Mapping[str, float], kept: int
) -> dict[str, Tensor]:
    """Each tensor's highest scores, in whole numbers near ``exact``.

    The numbers sum to ``kept``: what rounding down leaves goes to the largest
    remainders.
    """
    shares = {name: math.floor(share) for name, share in exact.items()}
    remainder = sorted(exact, key=lambda name: shares[name] - exact[name])
    for name in remainder[: kept - sum(shares.values())]:
        shares[name] += 1
    return {name: global_topk(scores[name], k) for name, k in shares.items()}
