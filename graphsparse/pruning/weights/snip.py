from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphsparse.pruning.weights.base import Probe, Weights, WeightScore, gradients


@dataclass(frozen=True)
class SnipScore(WeightScore):
    r"""Connection sensitivity (Lee et al., SNIP, ICLR 2019, eq. 5).

    .. math:: |w \cdot \partial L / \partial w|

    To first order, how much the training loss changes as the weight is removed: one
    backward pass, on the whole graph. With more ``rounds`` it is scored again on what
    is left, as in iterative SNIP (de Jorge et al., ICLR 2021).
    """

    needs_probe: ClassVar[bool] = True

    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """The usual division by the sum of all changes no order and is left out."""
        assert probe is not None
        _, gradient = gradients(lambda at: probe.loss(at, 1.0), weights)
        return {name: (w * gradient[name]).abs() for name, w in weights.items()}
