"""The meaning of every op in plain torch: slow, short, and what the rest is held to.

Dense operands are ``[nodes, heads, features]``, values ``[slots, heads]`` or None; slot
k of the pattern takes entry ``perm[k]`` of them. ``keep`` holds a bit for each entry,
as :func:`graphsparse.kernels.pack_bits` makes them: a slot without its bit is gone.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from graphsparse.kernels.bits import unpack_bits
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
    message = x.index_select(0, source)
    if value is not None:
        message = message * value.index_select(0, entry).unsqueeze(-1)
    out = x.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    if reduce in ('max', 'min'):
        index = row.view(-1, 1, 1).expand_as(message)
        return out.scatter_reduce_(0, index, message, f'a{reduce}', include_self=False)
    if x.dtype in (torch.bfloat16, torch.float16):
        wide = torch.zeros_like(out, dtype=torch.float32)
        out = wide.index_add_(0, row, message.float())
    else:
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
    dots = (a.index_select(0, row) * b.index_select(0, source)).sum(-1)
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
    out = src.new_zeros(rowptr.numel() - 1, src.size(1))
    if reduce == 'sum':
        return out.index_add_(0, row, src)
    if reduce == 'mean':
        count = rowptr.diff().clamp_(min=1).unsqueeze(-1)
        return out.index_add_(0, row, src).div_(count)
    index = row.unsqueeze(-1).expand_as(src)
    return out.scatter_reduce_(0, index, src, f'a{reduce}', include_self=False)


def segment_softmax(rowptr: Tensor, score: Tensor) -> Tensor:
    """Softmax of ``score [slots, heads]`` within each row."""
    row = row_ids(rowptr, score.size(0))
    score = score.contiguous()  # or the result takes its strides, unlike the fake's
    shifted = (score - segment_reduce(rowptr, score, 'max').index_select(0, row)).exp()
    return shifted / segment_reduce(rowptr, shifted, 'sum').index_select(0, row)


def segment_softmax_backward(rowptr: Tensor, out: Tensor, grad: Tensor) -> Tensor:
    """``out * (grad - sum of out * grad over the row)``."""
    inner = segment_reduce(rowptr, out * grad, 'sum')
    return out * (grad - inner.index_select(0, row_ids(rowptr, out.size(0))))


def dropout_scale(seed: Tensor, entries: int, heads: int, dropout: float) -> Tensor:
    """0 or ``1 / (1 - dropout)`` for each entry and head, float64.

    Entry e and head h are kept where 24 bits of number ``e * heads + h`` of the stream
    that ``seed`` is the key of reach ``dropout * 2^24``: so a slot meets the same fate
    in the transpose, on any thread and any device.
    """
    numbers = torch.arange(entries * heads, device=seed.device).view(entries, heads)
    kept = (draw_bits(seed, numbers, 24) >= round(dropout * 2**24)).double()
    return kept / (1 - dropout) if dropout < 1 else kept * 0


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
    weight = torch.ones_like(score[:, :1])
    if mask is not None:
        weight = mask.index_select(0, entry).unsqueeze(1)
    # What is masked out has no say in the maximum, or it could drown the rest.
    alive = score.detach().masked_fill(weight <= 0, -math.inf)
    top = score.new_full((rowptr.numel() - 1, score.size(1)), -math.inf)
    index = row.unsqueeze(1).expand_as(score)
    top = top.scatter_reduce(0, index, alive, 'amax')
    top = top.masked_fill(top == -math.inf, 0)
    # A slot that is out may stand far above it: finite, so that 0 times it is 0.
    limit = math.log(torch.finfo(score.dtype).max) / 2
    above = (score - top.index_select(0, row)).clamp(max=limit)
    if mask is not None:  # nor does a score count that is no number
        above = above.masked_fill(above.isnan() & (weight <= 0), -math.inf)
    weight = weight * above.exp()
    total = torch.zeros_like(top).index_add(0, row, weight)
    some = total != 0
    share = weight * (some / torch.where(some, total, 1)).index_select(0, row)
    if dropout > 0:
        assert seed is not None
        scale = dropout_scale(seed, col.numel(), score.size(1), dropout)
        share = share * scale[entry].to(share.dtype)
    message = share.unsqueeze(-1) * x.index_select(0, column).to(share.dtype)
    out = message.new_zeros(rowptr.numel() - 1, *x.shape[1:])
    return out.index_add(0, row, message).to(x.dtype), top + total.log()


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
    parts, dots = [], x.new_zeros(source.numel(), x.size(1))
    for x_part, top, grad_part in zip(
        *(t.split(width, -1) for t in (x, out, grad)), strict=True
    ):
        feature = x_part[source]
        message = feature if weight is None else feature * weight
        attains = (message == top[row]).to(x.dtype)
        ties = torch.zeros_like(top).index_add(0, row, attains).clamp(min=1)
        share = attains * (grad_part / ties)[row]
        dots = dots + (share * feature).sum(-1)
        share = share if weight is None else share * weight
        parts.append(torch.zeros_like(x_part).index_add(0, source, share))
    grad_x = torch.cat(parts, -1) if parts else torch.zeros_like(x)
    if value is None:
        return x.new_empty(0), grad_x
    return torch.zeros_like(value).index_copy(0, entry, dots), grad_x


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
    """Gradients of :func:`gat_aggregate` to x, source, target and mask (or empty)."""
    with torch.enable_grad():
        x, source, target = (t.detach().requires_grad_() for t in (x, source, target))
        mask = None if mask is None else mask.detach().requires_grad_()
        scores = x, source, target, mask, negative_slope, dropout, seed
        out, _ = gat_aggregate(rowptr, col, perm, *scores)
        to_x, to_source, to_target, *to_mask = torch.autograd.grad(
            out, [t for t in scores[:4] if t is not None], grad
        )
    return to_x, to_source, to_target, to_mask[0] if to_mask else source.new_empty(0)


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
