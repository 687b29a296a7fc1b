"""Whether deep features still tell nodes apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.check import check_edge_index, check_mask

CELLS = 1 << 22  # distances held at once
EQUAL = 1e-12  # what a distance between float32 rows of one direction rounds to


def mean_average_distance(
    h: Tensor, mask: Tensor | None = None, pairs: Tensor | None = None
) -> float:
    r"""MAD, the mean cosine distance between nodes: 0 where all point one way.

    With :math:`D_{ij} = 1 - \cos(h_i, h_j)`, the mean of each row over its entries
    that are not 0, then the mean over the rows that are not 0; 0 / 0 is 0. Chen et
    al., "Measuring and Relieving the Over-smoothing Problem for Graph Neural Networks
    from the Topological View", AAAI 2020. A row of zeros has no direction:
    its distances are 0, so it does not count.

    Never holds all pairs: memory grows with nodes and features, time with pairs.

    Args:
        h: Features ``[nodes, features]``, of any scale.
        mask: Boolean ``[nodes]``: only distances among these nodes.
        pairs: Only these pairs, ``[2, pairs]``: row 0 the i, row 1 the j, each
            counted as often as it stands there. An ``edge_index`` gives the distance
            between neighbours. All pairs by default.

    Returns:
        A number in [0, 2]; NaN where a feature is not finite.

    Raises:
        InputError: If ``h`` is no matrix, or mask or pairs do not fit it.
    """
    if h.dim() != 2 or not h.is_floating_point():
        raise InputError(
            'h has to hold floats of shape [nodes, features] (got '
            f'{h.dtype} of shape {list(h.shape)}).'
        )
    if pairs is not None:
        check_edge_index(pairs, h.size(0), h.size(0), 'pairs')
    if mask is not None:
        check_mask(mask, h.size(0), 'nodes')
    with torch.no_grad():
        return _mad(h, mask, pairs)


def depth_curve(
    outputs: Sequence[Tensor], mask: Tensor | None = None, pairs: Tensor | None = None
) -> list[float]:
    """MAD after each layer, from the layers' outputs ``[nodes, features]`` in order.

    Widths may differ. See :func:`mean_average_distance` for the rest.
    """
    return [mean_average_distance(h, mask, pairs) for h in outputs]


def _mad(h: Tensor, mask: Tensor | None, pairs: Tensor | None) -> float:
    if pairs is None and mask is not None:
        h, mask = h[mask], None
    if not (h if mask is None else h[mask]).isfinite().all():
        return float('nan')
    if not h.numel():
        return 0.0
    unit = _unit(h)
    total, count = unit.new_zeros(2, h.size(0))
    for i, far in _rows(unit) if pairs is None else _pairs(unit, mask, pairs):
        total.index_add_(0, i, far.sum(1))
        count.index_add_(0, i, (far > 0).sum(1).to(far.dtype))
    mean = total[count > 0] / count[count > 0]
    return float(mean.mean()) if mean.numel() else 0.0


def _unit(h: Tensor) -> Tensor:
    """Rows of length 1, in double precision; those of length 0 stay."""
    h = h.double()
    tiny = torch.finfo(h.dtype).tiny
    h = h / h.abs().amax(dim=1, keepdim=True).clamp(min=tiny)  # squares might overflow
    return h / h.norm(dim=1, keepdim=True).clamp(min=tiny)


def _rows(unit: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """A block of nodes, and their distances to all nodes."""
    dead = ~unit.any(dim=1)
    every = torch.arange(unit.size(0), device=unit.device)
    for i in every.split(max(1, CELLS // unit.size(0))):
        yield i, _distance(unit[i] @ unit.t(), dead[i].unsqueeze(1) | dead)


def _pairs(
    unit: Tensor, mask: Tensor | None, pairs: Tensor
) -> Iterator[tuple[Tensor, Tensor]]:
    """A block of pairs: their first nodes, and one distance each."""
    dead = ~unit.any(dim=1)
    if mask is not None:
        pairs = pairs[:, mask[pairs[0].long()] & mask[pairs[1].long()]]
    for i, j in (p.long() for p in pairs.split(max(1, CELLS // unit.size(1)), dim=1)):
        cosine = (unit[i] * unit[j]).sum(1)
        yield i, _distance(cosine, dead[i] | dead[j]).unsqueeze(1)


def _distance(cosine: Tensor, dead: Tensor) -> Tensor:
    """One minus the cosine, exactly 0 where that is rounding or an end is zero."""
    return (1 - cosine).masked_fill_(dead | (cosine > 1 - EQUAL), 0)
