from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from graphsparse.kernels import global_topk
from graphsparse.pruning.distributions.base import Distribution, Scores


@dataclass(frozen=True)
class GlobalDistribution(Distribution):
    """One threshold over all tensors together; of equals the earlier is kept."""

    def keep(self, scores: Scores, kept: int) -> dict[str, Tensor]:
        """The highest scores wherever they are."""
        if not scores:
            return {}
        mask = global_topk(torch.cat([s.reshape(-1) for s in scores.values()]), kept)
        parts = mask.split([score.numel() for score in scores.values()])
        shaped = zip(scores.items(), parts, strict=True)
        return {name: part.view(score.shape) for (name, score), part in shaped}
