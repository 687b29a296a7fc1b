import math

import pytest
import torch
from torch.nn.functional import leaky_relu

from graphsparse.kernels import reference, triton
from tests.kernels.triton.operands import LENGTHS, ROWS, close, draw, make_pattern

CASES = [
    (torch.float32, torch.int32, 1, 33, False, False, 0.0),
    (torch.float32, torch.int64, 3, 7, True, True, 0.3),
    (torch.float64, torch.int32, 3, 16, True, False, 0.6),
    (torch.float64, torch.int64, 1, 7, True, True, 0.0),
    (torch.float64, torch.int32, 3, 1, False, True, 0.5),
    (torch.bfloat16, torch.int32, 3, 7, False, False, 0.2),
    (torch.bfloat16, torch.int32, 1, 16, True, True, 0.0),
]


def operands(dtype, index, heads, width, perm, masked):
    pattern = make_pattern(index=index, perm=perm)
    x = draw(9, heads, width, dtype=dtype)
    source = draw(9, heads, dtype=dtype, seed=1)
    target = draw(ROWS, heads, dtype=dtype, seed=2)
    mask = draw(pattern.col.numel(), seed=3).sigmoid().to(dtype) if masked else None
    return pattern, x, source, target, mask


@pytest.mark.parametrize(
    ('dtype', 'index', 'heads', 'width', 'perm', 'masked', 'dropout'), CASES
)
def test_values_and_gradients(dtype, index, heads, width, perm, masked, dropout):
    pattern, *tensors = operands(dtype, index, heads, width, perm, masked)
    options = (0.2, dropout, torch.tensor(-(2**62) - 12345))
    out, log_total = triton.gat_aggregate(*pattern[:3], *tensors, *options)
    exact = [t if t is None else t.double() for t in tensors]
    expected = reference.gat_aggregate(*pattern[:3], *exact, *options)
    tol = 5e-2 if dtype == torch.bfloat16 else None
    assert out.dtype == dtype
    close(out, expected[0], tol)
    close(log_total, expected[1], tol)
    grad = draw(ROWS, heads, width, dtype=dtype, seed=4)
    found = triton.gat_backward(*pattern, *tensors, *options, out, log_total, grad)
    expected = reference.gat_backward(*pattern[:3], *exact, *options, grad.double())
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        close(ours, theirs, 0.15 if dtype == torch.bfloat16 else None)


def test_whole_rows_and_any_stride(chunk):
    chunk(512)
    pattern, x, source, target, mask = operands(
        torch.float64, torch.int32, 3, 7, True, True
    )
    x = x.transpose(1, 2).contiguous().transpose(1, 2)
    source, target = source.t().contiguous().t(), target.t().contiguous().t()
    args = (x, source, target, mask, 0.2, 0.0, None)
    out, log_total = triton.gat_aggregate(*pattern[:3], *args)
    expected = reference.gat_aggregate(*pattern[:3], *args)
    close(out, expected[0])
    close(log_total, expected[1])
    grad = torch.ones(()).double().expand(out.shape)
    found = triton.gat_backward(*pattern, *args, out, log_total, grad)
    expected = reference.gat_backward(*pattern[:3], *args, grad)
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


def test_each_entry_and_head_meets_the_fate_of_the_reference():
    # One slot a row: its share is 1, so that the output is the scale of dropout.
    slots, heads = 19, 3
    pattern = make_pattern([1] * slots, cols=1, perm=True)
    ones, zeros = torch.ones(1, heads, 1), torch.zeros(slots, heads)
    for seed, dropout in [(0, 0.5), (2**63 - 1, 0.1), (-(2**63), 0.5), (-98765, 1.0)]:
        args = (zeros[:1], zeros, None, 0.2, dropout, torch.tensor(seed))
        out, _ = triton.gat_aggregate(*pattern[:3], ones, *args)
        scale = reference.dropout_scale(args[-1], slots, heads, dropout)
        assert torch.equal(out[:, :, 0], scale[pattern.perm.long()].float())


def test_an_entry_of_mask_0_gets_its_one_sided_derivative():
    pattern, x, source, target, mask = operands(
        torch.float64, torch.int32, 3, 7, True, True
    )
    mask[::4] = 0
    gone = slice(*pattern.rowptr[2:4].tolist())
    mask[pattern.perm[gone].long()] = 0  # nothing counts in row 2
    args = (x, source, target, mask, 0.2, 0.0, None)
    out, log_total = triton.gat_aggregate(*pattern[:3], *args)
    expected = reference.gat_aggregate(*pattern[:3], *args)
    close(out, expected[0])
    close(log_total, expected[1])
    assert log_total[2].tolist() == [-math.inf] * 3
    grad = draw(ROWS, 3, 7, seed=4)
    found = triton.gat_backward(*pattern, *args, out, log_total, grad)
    row, column, entry = reference._slots(*pattern[:3], None)

    def dense(x, source, target, mask):
        score = leaky_relu(target[row] + source[column], 0.2).exp()
        share = mask[entry].unsqueeze(1) * score
        total = torch.zeros_like(target).index_add(0, row, share)
        share = share / torch.where(total == 0, 1, total)[row]
        return torch.zeros_like(out).index_add(0, row, share.unsqueeze(2) * x[column])

    leaves = [t.clone().requires_grad_() for t in args[:4]]
    expected = list(torch.autograd.grad(dense(*leaves), leaves, grad))
    expected[3][pattern.perm[gone].long()] = 0  # where nothing counts nothing is asked
    for ours, theirs in zip(found, expected, strict=True):
        close(ours, theirs)


def test_a_masked_score_far_above_the_rest_stays_finite():
    pattern = make_pattern([3], cols=3)
    pattern = pattern._replace(col=torch.tensor([0, 1, 2], dtype=torch.int32))
    pattern = pattern._replace(t_rowptr=torch.tensor([0, 1, 2, 3]))
    pattern = pattern._replace(t_col=torch.zeros(3, dtype=torch.int32))
    pattern = pattern._replace(t_perm=torch.tensor([0, 1, 2], dtype=torch.int32))
    x = draw(3, 1, 4, dtype=torch.float32)
    source = torch.tensor([[500.0], [0.0], [-500.0]])
    args = (x, source, torch.zeros(1, 1), torch.tensor([0.0, 1.0, 1.0]), 0.2, 0.0, None)
    out, log_total = triton.gat_aggregate(*pattern[:3], *args)
    close(out[0], x[1])
    found = triton.gat_backward(*pattern, *args, out, log_total, torch.ones_like(out))
    assert all(t.isfinite().all() for t in found)
    assert found[3][0].abs() > 1e15


@pytest.mark.parametrize(
    ('lengths', 'cols', 'width'), [([], 3, 2), ([0, 0], 3, 2), ([0], 0, 2), ([2], 3, 0)]
)
def test_nothing_to_attend_to(lengths, cols, width):
    pattern, rows = make_pattern(lengths, cols), len(lengths)
    x, source = torch.ones(cols, 2, width), torch.ones(cols, 2)
    args = (x, source, torch.ones(rows, 2), torch.ones(sum(lengths)), 0.2, 0.0, None)
    out, log_total = triton.gat_aggregate(*pattern[:3], *args)
    assert torch.equal(out, torch.zeros(rows, 2, width))
    close(log_total, reference.gat_aggregate(*pattern[:3], *args)[1])
    found = triton.gat_backward(*pattern, *args, out, log_total, out)
    for ours, given in zip(found, args, strict=False):
        assert torch.equal(ours, torch.zeros_like(given))


def test_the_same_bits_each_time():
    assert max(LENGTHS) > 2 * 8  # in three pieces
    pattern, *tensors = operands(torch.float32, torch.int32, 1, 7, True, True)
    found = []
    for _ in range(2):
        args = (*tensors, 0.2, 0.5, torch.tensor(7))
        out = triton.gat_aggregate(*pattern[:3], *args)
        found.append([*out, *triton.gat_backward(*pattern, *args, *out, out[0])])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
