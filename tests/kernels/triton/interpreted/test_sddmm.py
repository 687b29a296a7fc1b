import pytest
import torch

from graphsparse.kernels import reference, triton
from tests.kernels.triton.operands import (
    ROWS,
    close,
    draw,
    make_keep,
    make_pattern,
)

CASES = [
    (torch.float32, torch.int32, 1, 33, False, False),
    (torch.float64, torch.int64, 3, 7, True, True),
    (torch.float32, torch.int64, 3, 16, True, False),
    (torch.bfloat16, torch.int32, 1, 16, False, True),
    (torch.float64, torch.int32, 3, 1, False, False),
    (torch.float32, torch.int32, 1, 300, True, True),
]


@pytest.mark.parametrize(('dtype', 'index', 'heads', 'width', 'perm', 'keep'), CASES)
def test_dots(dtype, index, heads, width, perm, keep):
    pattern = make_pattern(index=index, perm=perm)
    a, b = draw(ROWS, heads, width, dtype=dtype), draw(9, heads, width, dtype=dtype)
    b[0] = torch.inf if keep else b[0]  # nothing that was dropped is multiplied
    args = (*pattern[:3], make_keep(pattern) if keep else None, a, b)
    out, expected = triton.sddmm(*args), reference.sddmm(*args)
    assert out.dtype == dtype
    finite = expected.isfinite()
    assert torch.equal(finite, out.isfinite())
    close(out[finite], expected[finite], 0.1 if dtype == torch.bfloat16 else None)


@pytest.mark.parametrize(
    ('dtype', 'index', 'heads', 'perm'),
    [
        (torch.float32, torch.int32, 1, False),
        (torch.float64, torch.int64, 3, True),
        (torch.bfloat16, torch.int32, 3, True),
    ],
)
def test_sums(dtype, index, heads, perm):
    pattern = make_pattern(index=index, perm=perm)
    a, b = draw(ROWS, heads, dtype=dtype), draw(9, heads, dtype=dtype, seed=1)
    out = triton.sddmm_add(*pattern[:3], a, b)
    assert out.dtype == dtype
    close(out, reference.sddmm_add(*pattern[:3], a, b))


def test_whole_rows_and_any_stride(chunk):
    chunk(512)
    pattern = make_pattern(perm=True)
    a, b = draw(2, 7, ROWS).permute(2, 0, 1), draw(7, 9, 2, seed=1).permute(1, 2, 0)
    args = (*pattern[:3], make_keep(pattern), a, b)
    close(triton.sddmm(*args), reference.sddmm(*args))
    args = (*pattern[:3], a[:, :, 0], b[:, :, 0])
    close(triton.sddmm_add(*args), reference.sddmm_add(*args))


@pytest.mark.parametrize(('lengths', 'cols', 'width'), [([], 0, 2), ([0], 3, 2)])
def test_no_slots(lengths, cols, width):
    pattern = make_pattern(lengths, cols)
    a, b = torch.ones(len(lengths), 2, width), torch.ones(cols, 2, width)
    assert triton.sddmm(*pattern[:3], None, a, b).shape == (0, 2)
    assert triton.sddmm_add(*pattern[:3], a[:, :, 0], b[:, :, 0]).shape == (0, 2)


def test_no_features():
    pattern = make_pattern([2, 1])
    out = triton.sddmm(*pattern[:3], None, torch.ones(2, 3, 0), torch.ones(9, 3, 0))
    assert torch.equal(out, torch.zeros(3, 3))
