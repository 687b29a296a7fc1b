from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from graphsparse.engine import InputError, resolve
from graphsparse.kernels import global_topk
from graphsparse.pruning.budget import Count, count_kept
from graphsparse.pruning.distributions.base import Distribution
from graphsparse.pruning.masks import WeightMask
from graphsparse.pruning.schedules.geometric import GeometricSchedule
from graphsparse.pruning.weights.base import Probe, WeightScore


def select_weights(
    weights: Mapping[str, Tensor],
    sparsity: float,
    score: str | WeightScore = 'magnitude',
    distribution: str | Distribution = 'global',
    probe: Probe | None = None,
    seed: int = 0,
    within: WeightMask | None = None,
    count: Count = 'ceil',
) -> WeightMask:
    """Score weights, and keep the highest: in as many rounds as the score asks for.

    Args:
        weights: The prunable set, by name; never changed.
        sparsity: Fraction removed of all of them, in [0, 1).
        score: Name or instance.
        distribution: How the kept number is shared among tensors.
        probe: What the score may ask of the net.
        seed: For random scores.
        within: What an earlier pruning left: nothing outside is scored or kept.
        count: How the removed number is rounded.

    Returns:
        A mask on the weights' devices, exact in number over all tensors together.

    Raises:
        InputError: If a name is unknown, the probe is missing, or ``within`` keeps
            fewer weights than are asked for.
    """
    score = resolve(WeightScore, score)  # type: ignore[type-abstract]
    distribution = resolve(Distribution, distribution)  # type: ignore[type-abstract]
    everything = {n: torch.ones_like(w, dtype=torch.bool) for n, w in weights.items()}
    kept = WeightMask(everything) if within is None else within
    total = sum(weight.numel() for weight in weights.values())
    if kept.num_kept < count_kept(total, sparsity, count=count):
        raise InputError(
            f'sparsity {sparsity} of {total} weights would keep more than the '
            f'{kept.num_kept} that an earlier pruning left.'
        )
    schedule = GeometricSchedule(sparsity, min(kept.sparsity, sparsity))
    for turn in range(1, score.rounds + 1):
        # The last level as given, whatever powers round to.
        level = sparsity if turn == score.rounds else schedule(turn / score.rounds)
        scores = score(kept.apply(weights), probe, seed)
        kept = keep_within(
            scores, count_kept(total, level, count=count), distribution, kept
        )
    return kept


def keep_within(
    scores: Mapping[str, Tensor],
    number: int,
    distribution: Distribution,
    within: WeightMask,
) -> WeightMask:
    """The highest scores of those that ``within`` keeps.

    A layer's share may come out larger than what is left of it, since shares are
    rounded; the difference goes to the highest scores elsewhere, so that masks are
    nested and the number is exact.
    """
    left = {
        name: score.masked_fill(~within.keep[name].to(score.device), -torch.inf)
        for name, score in scores.items()
    }
    keep = distribution.keep(left, number)
    chosen = {name: mask & left[name].isfinite() for name, mask in keep.items()}
    found = sum(int(mask.sum()) for mask in chosen.values())
    if found == number:
        return WeightMask(chosen)
    first = {n: score.masked_fill(chosen[n], torch.inf) for n, score in left.items()}
    flat = torch.cat([score.reshape(-1) for score in first.values()])
    parts = global_topk(flat, number).split([s.numel() for s in first.values()])
    return WeightMask(
        {n: p.view(first[n].shape) for n, p in zip(first, parts, strict=True)}
    )
