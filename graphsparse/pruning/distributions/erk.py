from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

from graphsparse.pruning.distributions.base import Distribution, Scores, keep_shares


@dataclass(frozen=True)
class ErkDistribution(Distribution):
    r"""Erdős-Rényi-Kernel densities (Mocanu et al. 2018; Evci et al. 2020).

    A tensor's density is proportional to
    :math:`\sum_i n_i / \prod_i n_i` over its dimensions; tensors for which that
    passes 1 are kept whole and the rest shares what is left.
    """

    def keep(self, scores: Scores, kept: int) -> dict[str, Tensor]:
        """Kept in a tensor: its summed dimensions times a common factor."""
        size = {name: float(score.numel()) for name, score in scores.items()}
        exact: dict[str, float] = {}
        while len(exact) < len(scores):
            left = {n: s for n, s in scores.items() if n not in exact}
            rest = {n: sum(s.shape) or 1 for n, s in left.items()}  # a number: 1
            factor = (kept - sum(exact.values())) / sum(rest.values())
            whole = {n: size[n] for n in rest if rest[n] * factor >= size[n]}
            exact |= whole or {name: dims * factor for name, dims in rest.items()}
        return keep_shares(scores, exact, kept)
