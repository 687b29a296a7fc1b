from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from torch import Tensor

from graphsparse.pruning.weights.base import Probe, Weights, WeightScore, gradients


@dataclass(frozen=True)
class SynflowScore(WeightScore):
    r"""Synaptic flow (Tanaka et al., SynFlow, NeurIPS 2020, eq. 3).

    .. math:: \left|w \cdot \partial R / \partial w\right|, \qquad
        R = \mathbf{1}^T f_{|\theta|}(\mathbf{1})

    Reads no data: all parameters are replaced by their absolute values and all
    features by 1; the graph stays. The scores of consecutive linear layers without
    bias have equal sums, so that, pruned in many ``rounds``, none is cut off whole
    before the others.
    """

    rounds: int = 100

    needs_probe: ClassVar[bool] = True

    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """In float64: products over layers leave the range of float32."""
        assert probe is not None
        doubles = {name: weight.double() for name, weight in weights.items()}
        _, gradient = gradients(probe.flow, doubles)
        return {name: (w * gradient[name]).abs() for name, w in doubles.items()}
