import pytest
import torch

from graphsparse.kernels import Pattern, reference, triton
from tests.kernels.triton.operands import (
    ROWS,
    close,
    draw,
    make_keep,
    make_pattern,
)

REDUCES = ['sum', 'mean', 'max', 'min']
FLOATS = [torch.float32, torch.float64, torch.bfloat16]


@pytest.mark.parametrize(
    ('reduces', 'dtype', 'index', 'heads', 'width', 'perm', 'keep', 'values'),
    [
        (REDUCES, torch.float32, torch.int32, 1, 33, False, False, False),
        (REDUCES, torch.float32, torch.int64, 3, 7, True, True, True),
        (['sum', 'max'], torch.float64, torch.int32, 3, 16, True, False, True),
        (['mean', 'min'], torch.float64, torch.int64, 1, 1, False, True, False),
        (['sum', 'min'], torch.bfloat16, torch.int32, 1, 7, True, True, True),
        (['mean', 'max'], torch.float16, torch.int64, 3, 1, False, False, True),
    ],
)
def test_values(reduces, dtype, index, heads, width, perm, keep, values):
    pattern = make_pattern(index=index, perm=perm)
    x = draw(9, heads, width, dtype=dtype)
    value = draw(pattern.col.numel(), heads, dtype=dtype, seed=1) if values else None
    args = (*pattern[:3], make_keep(pattern) if keep else None, value, x)
    for reduce in reduces:
        out = triton.spmm(*args, reduce)
        assert out.dtype == dtype
        close(out, reference.spmm(*args, reduce))


@pytest.mark.parametrize('reduce', ['mean', 'max'])
def test_pieces_and_whole_rows_say_the_same(reduce, chunk):
    pattern, x = make_pattern(perm=True), draw(9, 1, 7)
    value = draw(pattern.col.numel(), 1, seed=1)
    args = (*pattern[:3], make_keep(pattern), value, x, reduce)
    pieces = triton.spmm(*args)
    assert torch.equal(pieces, triton.spmm(*args))
    chunk(512)
    close(triton.spmm(*args), pieces)


@pytest.mark.parametrize(
    ('dtype', 'heads', 'width', 'perm', 'keep'),
    [
        (torch.float32, 1, 33, False, False),
        (torch.float64, 3, 7, True, True),
        (torch.float64, 3, 1, False, True),
        (torch.bfloat16, 1, 16, True, False),
    ],
)
def test_gradients_of_a_sum(dtype, heads, width, perm, keep):
    pattern = make_pattern(perm=perm)
    x = draw(9, heads, width, dtype=dtype)
    value = draw(pattern.col.numel(), heads, dtype=dtype, seed=1)
    grad = draw(ROWS, heads, width, dtype=dtype, seed=2)
    bits = make_keep(pattern) if keep else None
    found = triton.spmm_backward(*pattern[3:], bits, value, x, grad)
    leaves = [t.double().requires_grad_() for t in (value, x)]
    out = reference.spmm(*pattern[:3], bits, *leaves, 'sum')
    expected = torch.autograd.grad(out, leaves, grad.double())
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.dtype == dtype
        close(ours, theirs, 5e-2 if dtype == torch.bfloat16 else None)


def shared_evenly(args, out, grad):
    """Gradients to values and x, slot after slot; ``amax`` of torch counts a 0 more."""
    *_, value, x = args
    row, source, entry = reference._slots(*args[:4])
    factor = x.new_ones(entry.numel(), 1) if value is None else value[entry]
    message = x[source] * factor.unsqueeze(2)
    attains = (message == out[row]).double()
    ties = torch.zeros(out.shape, dtype=torch.float64).index_add_(0, row, attains)
    share = attains * (grad.double() / ties.clamp(min=1))[row]
    grad_value = torch.zeros(args[1].numel(), x.size(1), dtype=torch.float64)
    grad_value[entry] = (share * x[source]).sum(-1)
    grad_x = torch.zeros(x.shape, dtype=torch.float64)
    grad_x.index_add_(0, source, share * factor.unsqueeze(2))
    return grad_value, grad_x


@pytest.mark.parametrize(
    ('reduce', 'dtype', 'heads', 'width', 'perm', 'keep', 'values'),
    [
        ('max', torch.float32, 1, 7, False, False, False),
        ('min', torch.float64, 3, 16, True, True, True),
        ('max', torch.bfloat16, 1, 33, True, False, True),
        ('min', torch.float32, 3, 1, False, True, True),
    ],
)
def test_gradients_of_an_extreme(reduce, dtype, heads, width, perm, keep, values):
    pattern = make_pattern(perm=perm)
    x = draw(9, heads, width, dtype=dtype).round()  # ties in most rows
    value = draw(pattern.col.numel(), heads, dtype=dtype, seed=1).sign()
    grad = draw(ROWS, heads, width, dtype=dtype, seed=2)
    bits = make_keep(pattern) if keep else None
    args = (*pattern[:3], bits, value if values else None, x)
    out = triton.spmm(*args, reduce)
    grad_value, grad_x = triton.spmm_max_backward(*args, out, grad, *pattern[3:])
    expected = shared_evenly(args, out, grad)
    tol = 5e-2 if dtype == torch.bfloat16 else None
    close(grad_x, expected[-1], tol)
    if values:
        close(grad_value, expected[0], tol)
    else:
        assert grad_value is None


def test_products_that_were_rounded_are_still_met():
    pattern = make_pattern()
    x = 1 + draw(9, 1, 7, dtype=torch.bfloat16).abs()
    value = 1 + draw(pattern.col.numel(), 1, dtype=torch.bfloat16, seed=1).abs()
    args = (*pattern[:3], None, value, x)
    out = triton.spmm(*args, 'max')
    grad = torch.ones_like(out)
    _, grad_x = triton.spmm_max_backward(*args, out, grad, *pattern[3:])
    # A maximum of products is the sum of x times its gradient: none may be lost.
    total = (grad_x.double() * x.double()).sum()
    torch.testing.assert_close(total, out.double().sum(), rtol=5e-3, atol=0)


def test_what_is_not_a_number_is_handed_on():
    pattern = make_pattern()
    x = draw(9, 1, 3)
    x[4, 0, 1] = torch.nan
    x[:, 0, 2] = -torch.inf
    for reduce in REDUCES:
        out = triton.spmm(*pattern[:3], None, None, x, reduce)
        expected = reference.spmm(*pattern[:3], None, None, x, reduce)
        torch.testing.assert_close(out, expected, equal_nan=True)


@pytest.mark.parametrize('dtype', FLOATS)
@pytest.mark.parametrize(
    ('lengths', 'cols', 'width'), [([], 3, 2), ([0, 0], 3, 2), ([0], 0, 2), ([2], 3, 0)]
)
def test_nothing_to_sum(lengths, cols, width, dtype):
    pattern = make_pattern(lengths, cols)
    x, rows = torch.ones(cols, 2, width, dtype=dtype), len(lengths)
    value = torch.ones(sum(lengths), 2, dtype=dtype)
    grad = torch.ones(rows, 2, width, dtype=dtype)
    for reduce in REDUCES:
        out = triton.spmm(*pattern[:3], None, value, x, reduce)
        assert torch.equal(out, torch.zeros_like(grad))
    for gradients in (
        triton.spmm_backward(*pattern[3:], None, value, x, grad),
        triton.spmm_max_backward(*pattern[:3], None, value, x, out, grad, *pattern[3:]),
    ):
        assert torch.equal(gradients[0], torch.zeros_like(value))
        assert torch.equal(gradients[1], torch.zeros_like(x))


def test_operands_of_any_stride():
    pattern = make_pattern(perm=True)
    x = draw(2, 7, 9).permute(2, 0, 1)
    value = draw(2, pattern.col.numel(), seed=1).t()
    grad = torch.ones(()).double().expand(ROWS, 2, 7)
    args = (*pattern[:3], None, value, x)
    close(triton.spmm(*args, 'sum'), reference.spmm(*args, 'sum'))
    args = (*pattern[3:], None, value, x, grad)
    for ours, theirs in zip(
        triton.spmm_backward(*args), reference.spmm_backward(*args), strict=True
    ):
        close(ours, theirs)


def test_integers_and_rows_wider_than_a_block():
    pattern = make_pattern([3, 0, 2])
    x = torch.arange(9 * 2).view(9, 1, 2)
    out = triton.spmm(*pattern[:3], None, None, x, 'max')
    assert torch.equal(out, reference.spmm(*pattern[:3], None, None, x, 'max'))
    x, value = draw(9, 3, 300), draw(5, 3, seed=1)
    args = (*pattern[:3], None, value, x, 'mean')
    close(triton.spmm(*args), reference.spmm(*args))
    args = (*pattern[3:], None, value, x, draw(3, 3, 300, seed=2))
    for ours, theirs in zip(
        triton.spmm_backward(*args), reference.spmm_backward(*args), strict=True
    ):
        close(ours, theirs)


def test_more_than_2_to_the_31_numbers():
    # Only the pages that are read are ever there: 4 GiB of addresses, not of memory.
    rows = 2**25 + 3
    x = torch.empty(rows, 1, 64, dtype=torch.float16)
    x[[5, rows - 1]] = draw(2, 1, 64, dtype=torch.float16)
    pattern = Pattern(
        torch.tensor([0, 2, 3]),
        torch.tensor([rows - 1, 5, rows - 1], dtype=torch.int32),
    )
    out = triton.spmm(*pattern[:3], None, None, x, 'sum')
    close(out[0], x[5] + x[rows - 1])
    assert torch.equal(out[1], x[rows - 1])
    dots = triton.sddmm(*pattern[:3], None, out, x)
    close(dots[2], (out[1] * out[1]).sum(-1), 1e-2)
