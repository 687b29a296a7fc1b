"""The meaning of every op in plain torch: slow, short, and what the rest is held to.

Dense operands are ``[nodes, heads, features]``, values ``[slots, heads]`` or None; slot
k of the pattern takes entry ``perm[k]`` of them. ``keep`` holds a bit for each entry,
as :func:`graphsparse.kernels.pack_bits` makes them: a slot without its bit is gone.
Half floats are multiplied and added up in float32.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from graphsparse.kernels.bits import unpack_bits
from graphsparse.kernels.native import sum_type
from graphsparse.kernels.pattern import row_ids
from graphsparse.kernels.streams import draw_bits


def _slots(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, keep: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Row, column and entry of every slot that is kept, int64."""
    row, entry = row_ids(rowptr, col.numel()), perm
    if entry is None:
        entry = torch.arange(col.numel(), device=col.device)
    if keep is None:
        return row, col.long(), entry.long()
    kept = unpack_bits(keep, (col.numel(),))[entry.long()]
    return row[kept], col[kept].long(), entry[kept].long()


def spmm(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    reduce: str,
) -> Tensor:
    """Sum, mean, max or min of ``value[k] * x[col[k]]`` in each row; empty rows: 0."""
    row, source, entry = _slots(rowptr, col, perm, keep)
    extreme = reduce in ('max', 'min')
    message = x.index_select(0, source).to(x.dtype if extreme else sum_type(x.dtype))
    if value is not None:
        message = message * value.index_select(0, entry).unsqueeze(-1)
    out = message.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    if extreme:
        index = row.view(-1, 1, 1).expand_as(message)
        return out.scatter_reduce_(0, index, message, f'a{reduce}', include_self=False)
    out.index_add_(0, row, message)
    if reduce == 'mean':
        count = torch.bincount(row, minlength=out.size(0)).clamp_(min=1)
        out = out / count.view(-1, 1, 1)
    return out.to(x.dtype)


def sddmm(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    a: Tensor,
    b: Tensor,
) -> Tensor:
    """``out[k] = <a[row], b[col]>`` per head, ``[entries, heads]``; 0 if not kept."""
    row, source, entry = _slots(rowptr, col, perm, keep)
    own = a.index_select(0, row).to(sum_type(a.dtype))
    dots = (own * b.index_select(0, source)).sum(-1).to(a.dtype)
    return dots.new_zeros(col.numel(), a.size(1)).index_copy_(0, entry, dots)


def sddmm_add(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, a: Tensor, b: Tensor
) -> Tensor:
    """``out[k] = a[row] + b[col]`` of ``[nodes, heads]``, ``[entries, heads]``."""
    row, source, entry = _slots(rowptr, col, perm, None)
    sums = a.index_select(0, row) + b.index_select(0, source)
    return torch.empty_like(sums).index_copy_(0, entry, sums)


def segment_reduce(rowptr: Tensor, src: Tensor, reduce: str) -> Tensor:
    """Sum, mean, max or min of ``src [slots, width]`` over each row; empty rows: 0."""
    row = row_ids(rowptr, src.size(0))
    if reduce in ('max', 'min'):
        out = src.new_zeros(rowptr.numel() - 1, src.size(1))
        index = row.unsqueeze(-1).expand_as(src)
        return out.scatter_reduce_(0, index, src, f'a{reduce}', include_self=False)
    wide = src.to(sum_type(src.dtype))
    out = wide.new_zeros(rowptr.numel() - 1, src.size(1)).index_add_(0, row, wide)
    if reduce == 'mean':
        out.div_(rowptr.diff().clamp_(min=1).unsqueeze(-1))
    return out.to(src.dtype)


def segment_softmax(rowptr: Tensor, score: Tensor) -> Tensor:
    """Softmax of ``score [slots, heads]`` within each row."""
    row = row_ids(rowptr, score.size(0))
    # Dense, or the result takes the strides of the score, unlike the fake's.
    wide = score.to(sum_type(score.dtype)).contiguous()
    shifted = (wide - segment_reduce(rowptr, wide, 'max').index_select(0, row)).exp()
    total = segment_reduce(rowptr, shifted, 'sum').index_select(0, row)
    return (shifted / total).to(score.dtype)


def segment_softmax_backward(rowptr: Tensor, out: Tensor, grad: Tensor) -> Tensor:
    """``out * (grad - sum of out * grad over the row)``."""
    wide = out.to(sum_type(out.dtype))
    inner = segment_reduce(rowptr, wide * grad, 'sum')
    change = grad - inner.index_select(0, row_ids(rowptr, out.size(0)))
    return (wide * change).to(out.dtype)


def dropout_scale(seed: Tensor, entries: int, heads: int, dropout: float) -> Tensor:
    """0 or ``1 / (1 - dropout)`` for each entry and head, float64.

    Entry e and head h are kept where 24 bits of number ``e * heads + h`` of the stream
    that ``seed`` is the key of reach ``dropout * 2^24``: so a slot meets the same fate
    in the transpose, on any thread and any device.
    """
    numbers = torch.arange(entries * heads, device=seed.device).view(entries, heads)
    kept = (draw_bits(seed, numbers, 24) >= round(dropout * 2**24)).double()
    return kept / (1 - dropout) if dropout < 1 else kept * 0


def dropout(x: Tensor, seed: Tensor, p: float) -> Tensor:
    """Each number of ``x`` times its :func:`dropout_scale`, contiguous."""
    scale = dropout_scale(seed, x.numel(), 1, p)
    return x.contiguous() * scale.view(x.shape).to(x.dtype)


def gat_aggregate(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    negative_slope: float,
    dropout: float,
    seed: Tensor | None,
) -> tuple[Tensor, Tensor]:
    """Attention over each row, and the log of its denominator.

    ``score[k] = leaky_relu(target[row] + source[col])`` ``[slots, heads]``, softmax in
    the row with weights ``mask[entry]`` (None: 1), dropout, sum of ``x[col]``. Returns
    ``[rows, heads, features]`` and ``[rows, heads]`` (-inf where nothing counts).
    """
    row, column, entry = _slots(rowptr, col, perm, None)
    score = target.index_select(0, row) + source.index_select(0, column)
    score = torch.nn.functional.leaky_relu(score, negative_slope)
    share, _, log_total = _masked_softmax(rowptr, row, entry, score, mask)
    share = share * _kept(entry, share, dropout, seed)
    message = share.unsqueeze(-1) * x.index_select(0, column).to(share.dtype)
    out = message.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    return out.index_add(0, row, message).to(x.dtype), log_total


def _masked_softmax(
    rowptr: Tensor, row: Tensor, entry: Tensor, score: Tensor, mask: Tensor | None
) -> tuple[Tensor, Tensor, Tensor]:
    """Share of every slot, share for each unit of its mask, log of the denominator."""
    weight = torch.ones_like(score[:, :1])
    if mask is not None:
        weight = mask.index_select(0, entry).unsqueeze(1)
    gone = weight <= 0
    # What is masked out has no say in the maximum, or it could drown the rest.
    alive = score.detach().masked_fill(gone, -math.inf)
    top = score.new_full((rowptr.numel() - 1, score.size(1)), -math.inf)
    index = row.unsqueeze(1).expand_as(score)
    top = top.scatter_reduce(0, index, alive, 'amax')
    top = top.masked_fill(top == -math.inf, 0)
    # A slot that is out may stand far above it: finite, so that 0 times it is 0.
    limit = math.log(torch.finfo(score.dtype).max) / 2
    above = (score - top.index_select(0, row)).clamp(max=limit)
    # Nor does a score count that is no number.
    part = above.masked_fill(above.isnan() & gone, -math.inf).exp()
    share = weight * part
    total = torch.zeros_like(top).index_add(0, row, share)
    some = total != 0
    scale = (some / torch.where(some, total, 1)).index_select(0, row)
    return share * scale, part * scale, top + total.log()


def _kept(
    entry: Tensor, share: Tensor, dropout: float, seed: Tensor | None
) -> Tensor | float:
    """What dropout multiplies each share by."""
    if dropout == 0:
        return 1.0
    assert seed is not None
    scale = dropout_scale(seed, entry.numel(), share.size(1), dropout)
    return scale[entry].to(share.dtype)


def sparse_linear(rowptr: Tensor, col: Tensor, value: Tensor, x: Tensor) -> Tensor:
    """``x [nodes, columns]`` times the transpose of a CSR, ``[nodes, rows]``."""
    out = spmm(rowptr, col, None, None, value.unsqueeze(1), x.t().unsqueeze(1), 'sum')
    return out.squeeze(1).t().contiguous()


def spmm_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor,
    x: Tensor,
    grad: Tensor,
) -> tuple[Tensor, Tensor]:
    """Gradients of a summed :func:`spmm` to its values and to ``x``.

    The pattern is the *transpose*: its rows are the rows of ``x``, its columns those
    of ``grad``, and one pass over them gives both.
    """
    grad_value = sddmm(rowptr, col, perm, keep, x, grad)
    return grad_value, spmm(rowptr, col, perm, keep, value, grad, 'sum')


_CHUNK = 2**22  # numbers that a gradient holds at once


def spmm_max_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    keep: Tensor | None,
    value: Tensor | None,
    x: Tensor,
    out: Tensor,
    grad: Tensor,
) -> tuple[Tensor, Tensor]:
    """Gradients of an extreme ``out`` to values (empty if None) and x, shared by ties.

    Features are taken a few at a time, so that never a number for every slot and
    feature is held.
    """
    row, source, entry = _slots(rowptr, col, perm, keep)
    weight = None if value is None else value[entry].unsqueeze(-1)
    width = max(1, _CHUNK // max(1, source.numel() * x.size(1)))
    wide = sum_type(x.dtype)
    parts, dots = [], x.new_zeros(source.numel(), x.size(1), dtype=wide)
    for x_part, top, grad_part in zip(
        *(t.split(width, -1) for t in (x, out, grad)), strict=True
    ):
        feature = x_part[source]
        message = feature if weight is None else feature * weight
        attains = (message == top[row]).to(wide)
        ties = torch.zeros_like(top, dtype=wide).index_add(0, row, attains)
        share = attains * (grad_part / ties.clamp(min=1))[row]
        dots = dots + (share * feature).sum(-1)
        share = share if weight is None else share * weight
        sums = torch.zeros_like(x_part, dtype=wide).index_add(0, source, share)
        parts.append(sums.to(x.dtype))
    grad_x = torch.cat(parts, -1) if parts else torch.zeros_like(x)
    if value is None:
        return x.new_empty(0), grad_x
    return torch.zeros_like(value).index_copy(0, entry, dots.to(value.dtype)), grad_x


def gat_backward(
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    x: Tensor,
    source: Tensor,
    target: Tensor,
    mask: Tensor | None,
    negative_slope: float,
    dropout: float,
    seed: Tensor | None,
    grad: Tensor,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Gradients of :func:`gat_aggregate` to x, source, target and mask (or empty).

    With ``to_share[k] = d_k <grad[row], x[col]>``, of which the row's shares take
    the mean ``inner``, that to a score is ``share * (to_share - inner)``. Every step
    has a gradient itself.
    """
    row, column, entry = _slots(rowptr, col, perm, None)
    raw = target.index_select(0, row) + source.index_select(0, column)
    score = torch.nn.functional.leaky_relu(raw, negative_slope)
    share, alone, _ = _masked_softmax(rowptr, row, entry, score, mask)
    kept = _kept(entry, share, dropout, seed)
    given = grad.index_select(0, row).to(share.dtype)
    to_share = kept * (given * x.index_select(0, column).to(share.dtype)).sum(-1)
    inner = torch.zeros_like(target).index_add(0, row, share * to_share)
    change = to_share - inner.index_select(0, row)
    to_raw = share * change * torch.ones_like(raw).masked_fill(raw <= 0, negative_slope)
    to_x = given.new_zeros(x.shape)
    to_x = to_x.index_add(0, column, (kept * share).unsqueeze(-1) * given).to(x.dtype)
    to_source = source.new_zeros(source.shape).index_add(0, column, to_raw)
    to_target = target.new_zeros(target.shape).index_add(0, row, to_raw)
    if mask is None:
        return to_x, to_source, to_target, source.new_empty(0)
    to_mask = mask.new_zeros(mask.shape).index_add(0, entry, (alone * change).sum(1))
    return to_x, to_source, to_target, to_mask


def kth_value(flat: Tensor, k: int) -> Tensor:
    """The k-th smallest of ``[entries]``; see :func:`graphsparse.kernels.kth_value`."""
    refuse_nan(flat)
    return flat.kthvalue(k).values + 0  # -0 + 0 is 0


def topk_mask(flat: Tensor, k: int) -> Tensor:
    """The k largest of ``[entries]``, of equals the earlier; ``1 <= k``."""
    threshold = kth_value(flat, flat.numel() - k + 1)
    above, equal = flat > threshold, flat == threshold
    room = k - int(above.sum())
    return above | (equal & (equal.cumsum(0) <= room))


def refuse_nan(flat: Tensor) -> None:
    """ValueError if an entry is NaN."""
    if flat.isnan().any():
        raise ValueError('a score is NaN')
