from __future__ import annotations

from typing import Literal, NamedTuple

import torch
from torch import Tensor

from graphsparse.kernels.check import check_ids, check_slots
from graphsparse.kernels.draw import (
    Draw,
    check_below,
    draw,
    locate_nodes,
    number_nodes,
)
from graphsparse.kernels.pattern import row_ids
from graphsparse.kernels.segment import segment_reduce
from graphsparse.kernels.select import compact


class LayerSample(NamedTuple):
    """One sampled layer: a CSR from the targets (rows) to the sampled nodes (columns).

    Shapes: ``node`` int64 ``[columns]``, the sampled nodes; ``rowptr`` int64
    ``[targets + 1]``; ``col`` in the type of the given one, ``slot`` int64 (where each
    arc stood in the given CSR) and ``weight`` (floats), ``[arcs]``.
    """

    node: Tensor
    rowptr: Tensor
    col: Tensor
    slot: Tensor
    weight: Tensor


def sample_layer(
    rowptr: Tensor,
    col: Tensor,
    targets: Tensor,
    num_samples: int,
    *,
    seed: int,
    hop: int = 0,
    method: Literal['ladies', 'fastgcn'] = 'ladies',
    value: Tensor | None = None,
    prob: Tensor | None = None,
    replace: bool = False,
    keep_targets: bool = False,
) -> LayerSample:
    r"""Layer-wise sampling: the targets of a layer share one set of sampled sources.

    ``'ladies'`` (Zou et al., NeurIPS 2019) draws among the targets' in-neighbours with
    :math:`p_j \propto \sum_{i \in targets} P_{ij}^2` and divides each row of weights by
    its sum. ``'fastgcn'`` (Chen et al., ICLR 2018) draws among all nodes with
    :math:`p_j \propto \sum_i P_{ij}^2` over the whole matrix, and does not.

    The weight of an arc is :math:`P_{ij} c_j / (s p_j)`, where node j was drawn
    :math:`c_j` times of s: with replacement, and before rows are divided, an unbiased
    estimate of P. Without replacement, where all that can be drawn is drawn, nothing
    is estimated and it is :math:`P_{ij}`. Kept targets are there for certain: so is
    theirs.

    Args:
        rowptr: Row ends of a square CSR, row = target, int64 ``[nodes + 1]``.
        col: Source of each slot, int32 or int64 ``[slots]``.
        targets: Distinct nodes that want their in-neighbours, ``[targets]``.
        num_samples: How many draws, at least 1.
        seed: Any integer. The draws depend on ``(seed, hop)`` and the targets.
        hop: Which of several layers this is.
        method: ``'ladies'`` or ``'fastgcn'``.
        value: P, floats ``[slots]``; the mean over each row if None.
        prob: In proportion to p, at least 0, ``[nodes]``, in place of the sums above.
            For ``'fastgcn'`` it saves a pass over the matrix each time; one over the
            degree for ``'ladies'``, with ``weight`` left aside, is the sampler of
            Duan et al. (NeurIPS 2022, data sets and benchmarks).
        replace: Whether a node may be drawn again.
        keep_targets: Whether the targets are the first columns, drawn or not.

    Raises:
        ValueError: If a target, ``num_samples`` or ``method`` is out of range, or a
            probability is negative or not finite.
    """
    num_nodes = rowptr.numel() - 1
    if method not in ('ladies', 'fastgcn'):
        raise ValueError(f"method has to be 'ladies' or 'fastgcn' (got '{method}').")
    if num_samples < 1:
        raise ValueError(f'num_samples has to be at least 1 (got {num_samples}).')
    check_slots('value', value, col)
    targets = check_ids('targets', targets, rowptr)
    every = draw(rowptr, col, targets)
    entry = _mean(every.ends) if value is None else value[every.slot]
    if method == 'ladies':
        place, candidate = number_nodes(targets[:0], every.found, num_nodes)
    else:
        check_below(num_nodes, col)
        candidate = torch.arange(num_nodes, device=col.device)
    if prob is not None:
        score = _check_prob(prob, num_nodes)[candidate]
    elif method == 'ladies':
        score = _squares(entry, place, candidate.numel())
    else:
        score = _squares(_mean(rowptr) if value is None else value, col, num_nodes)
    chosen, factor = _choose(score, num_samples, seed, hop, replace)
    node = candidate[chosen]
    if keep_targets:
        place, fresh = number_nodes(targets, node, num_nodes)
        node = torch.cat([targets, fresh])
        factor = factor.new_ones(node.numel()).index_copy_(0, place, factor)
        factor[: targets.numel()] = 1
    return _between(every, entry, node, factor, num_nodes, col.dtype, method)


def _mean(ends: Tensor) -> Tensor:
    """One over the length of its row, for each slot."""
    row = row_ids(ends, int(ends[-1]))
    return ends.diff().float().reciprocal()[row]


def _squares(entry: Tensor, column: Tensor, num_columns: int) -> Tensor:
    """The squared norm of each column, float64."""
    square = entry.detach().double().square()
    return square.new_zeros(num_columns).index_add_(0, column, square)


def _check_prob(prob: Tensor, num_nodes: int) -> Tensor:
    if prob.shape != (num_nodes,):
        raise ValueError(
            f'prob has to hold one number for each of the {num_nodes} nodes '
            f'(got shape {list(prob.shape)}).'
        )
    return prob.detach().double()


def _choose(
    score: Tensor, num_samples: int, seed: int, hop: int, replace: bool
) -> tuple[Tensor, Tensor]:
    """Which candidates are drawn, each once, and one over their expected number."""
    bad = ~((score >= 0) & score.isfinite())
    if bad.any():
        raise ValueError(
            'What nodes are drawn by has to be finite and at least 0 '
            f'(got {float(score[bad][0])}).'
        )
    size = score.numel()
    row = torch.tensor([0, size], device=score.device)
    places = torch.arange(size, device=score.device)
    drawn = draw(
        row,
        places,
        row[:1],
        num_samples,
        seed=seed,
        step=hop,
        weight=score,
        replace=replace,
    ).slot
    times, chosen = number_nodes(drawn[:0], drawn, size)
    if not replace and chosen.numel() == int((score > 0).sum()):
        return chosen, score.new_ones(chosen.numel())
    expected = drawn.numel() * score[chosen] / score.sum()
    return chosen, torch.bincount(times, minlength=chosen.numel()) / expected


def _between(
    every: Draw,
    entry: Tensor,
    node: Tensor,
    factor: Tensor,
    num_nodes: int,
    index: torch.dtype,
    method: str,
) -> LayerSample:
    """The arcs that reach a column, weighted."""
    place = locate_nodes(node, every.found, num_nodes)
    ends, column, kept = compact(every.ends, place, place >= 0)
    weight = entry[kept] * factor[column].to(entry.dtype)
    if method == 'ladies':
        total = segment_reduce(ends, weight)
        weight = weight / total.masked_fill(total == 0, 1)[row_ids(ends, kept.numel())]
    return LayerSample(node, ends, column.to(index), every.slot[kept], weight)
