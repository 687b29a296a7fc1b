from __future__ import annotations

from collections.abc import Mapping

from torch import Tensor

from graphsparse.pruning.budget import Count
from graphsparse.pruning.distributions.global_ import GlobalDistribution
from graphsparse.pruning.masks import WeightMask


def l0_support(
    weights: Mapping[str, Tensor], sparsity: float, count: Count = 'ceil'
) -> WeightMask:
    """The largest magnitudes over all tensors together.

    Args:
        weights: By name.
        sparsity: Fraction removed of all entries, in [0, 1).
        count: How the removed number is rounded.
    """
    magnitude = {name: weight.detach().abs() for name, weight in weights.items()}
    return GlobalDistribution().select(magnitude, sparsity, count)


def project_l0(
    weights: Mapping[str, Tensor], sparsity: float, count: Count = 'ceil'
) -> dict[str, Tensor]:
    """Euclidean projection onto the ball of few non-zeros.

    All tensors share one budget: ``n - ceil(n * sparsity)`` entries stay, those of
    :func:`l0_support`; the others become exactly 0.
    """
    return l0_support(weights, sparsity, count).apply(weights)
