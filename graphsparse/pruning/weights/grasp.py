from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.pruning.weights.base import Probe, Weights, WeightScore


@dataclass(frozen=True)
class GraspScore(WeightScore):
    r"""Gradient signal preservation (Wang et al., GraSP, ICLR 2020, eq. 8).

    .. math:: w \odot H g

    with gradient g and Hessian H of the training loss over the scored weights: to
    first order, removing a weight takes twice its score from :math:`\|g\|^2`. Weights
    whose removal raises the gradient's norm, of negative score, go first.

    Args:
        temperature: Logits are divided by it.
    """

    temperature: float = 200.0

    needs_probe: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.temperature > 0:
            raise InputError(
                f'temperature has to be positive (got {self.temperature}).'
            )

    def score(
        self, weights: Weights, probe: Probe | None, seed: int
    ) -> dict[str, Tensor]:
        """H g by differentiating the product of g with g held fixed.

        Raises:
            InputError: If the net cannot be differentiated twice.
        """
        assert probe is not None
        point = {k: w.clone().requires_grad_() for k, w in weights.items()}
        inputs = list(point.values())
        with torch.enable_grad():
            loss = probe.loss(point, self.temperature)
            try:
                g = torch.autograd.grad(
                    loss, inputs, create_graph=True, materialize_grads=True
                )
                product = sum(((a * a.detach()).sum() for a in g), loss.new_zeros(()))
                if product.requires_grad:
                    # Not autograd.grad: asked for some inputs alone, it passes by the
                    # nodes that raise for an op that is differentiable once.
                    product.backward()
            except (RuntimeError, NotImplementedError) as error:
                raise InputError(
                    "The weight score 'grasp' needs second derivatives, which this "
                    f"net does not have: {error} Use 'snip' or 'synflow'."
                ) from error
        second = {k: 0 * p if p.grad is None else p.grad for k, p in point.items()}
        return {name: weight * second[name] for name, weight in weights.items()}
