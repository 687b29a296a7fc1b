from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphsparse.engine import InputError, name_of

Weights = Mapping[str, Tensor]


@dataclass(frozen=True, eq=False)
class Probe:
    """What a score may ask of a net: functions of its weights, and no more of a task.

    Weights that are not given are the net's own.

    Attributes:
        loss: Training loss under weights, logits divided by a temperature.
        flow: Sum of the outputs for an input of ones, every parameter replaced by its
            absolute value: what can pass through the net, whatever the data.
    """

    loss: Callable[[Weights, float], Tensor]
    flow: Callable[[Weights], Tensor]


@dataclass(frozen=True)
class WeightScore(ABC):
    """How much a weight is worth keeping.

    A score is a frozen dataclass of its options with one method, :meth:`score`.
    Writing the subclass is all it takes: its name is then known to
    :func:`~graphsparse.pruning.select_weights`, the searches and the command line.

    Args:
        rounds: Times that weights are scored, each time on what the last time left,
            with densities that fall geometrically.

    Attributes:
        needs_probe: Whether the score reads more than the weights.
    """

    rounds: int = 1

    needs_probe: ClassVar[bool] = False

    def __post_init__(self) -> None:
        if isinstance(self.rounds, bool) or self.rounds < 1:
            raise InputError(f'rounds has to be at least 1 (got {self.rounds}).')

    @abstractmethod
    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """Worth of every weight.

        Args:
            weights: By parameter name; never changed.
            probe: The net they belong to, or None.
            seed: For scores that draw numbers; the others leave it alone.

        Returns:
            By the same names, of the same shapes, without NaN.
        """

    def __call__(
        self, weights: Weights, probe: Probe | None = None, seed: int = 0
    ) -> dict[str, Tensor]:
        """:meth:`score` in float64, with its result checked.

        Raises:
            InputError: If the score needs a probe and there is none, or a score is
                not finite.
        """
        name = name_of(type(self), WeightScore)
        if self.needs_probe and probe is None:
            raise InputError(
                f"The weight score '{name}' reads a net's gradients: give it a probe, "
                'for instance graphsparse.training.make_probe(model, data).'
            )
        fixed = {key: weight.detach() for key, weight in weights.items()}
        scores = self.score(fixed, probe, seed)
        for key, weight in fixed.items():
            if key not in scores or scores[key].shape != weight.shape:
                found = list(scores[key].shape) if key in scores else 'no scores'
                raise TypeError(
                    f"{self} gave {found} for '{key}' of shape {list(weight.shape)}."
                )
            if not scores[key].isfinite().all():
                raise InputError(
                    f"The weight score '{name}' is not finite on '{key}'; are all "
                    'weights and features finite?'
                )
        return {key: scores[key].detach().double() for key in fixed}


def gradients(
    function: Callable[[Weights], Tensor], weights: Weights
) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    """Fresh copies of ``weights``, and the gradient of ``function`` at them.

    A weight that the function does not read has gradient 0.
    """
    point = {k: w.detach().clone().requires_grad_() for k, w in weights.items()}
    with torch.enable_grad():
        value = function(point)
        found = torch.autograd.grad(value, list(point.values()), allow_unused=True)
    pairs = zip(point.items(), found, strict=True)
    return point, {k: torch.zeros_like(w) if g is None else g for (k, w), g in pairs}
