import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck
from torch.library import opcheck
from torch.testing import assert_close

from graphsparse.kernels import Pattern, pack_bits, reference, sddmm
from graphsparse.kernels.sddmm import sddmm_add_op, sddmm_op
from tests.helpers import random_pattern, slots_of

TYPES = [
    (dtype, index)
    for dtype in (torch.float32, torch.float64)
    for index in (torch.int32, torch.int64)
]


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=torch.float64, generator=generator).to(dtype)


def dots(pattern, a, b):
    """One slot after another, ``[slots, heads]``."""
    out = torch.zeros(pattern.col.numel(), a.size(1), dtype=torch.float64)
    for row, col, place in slots_of(pattern):
        out[place] = (a[row].double() * b[col].double()).sum(-1)
    return out


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize('index', [torch.int32, torch.int64])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('width', [1, 3, 7, 8, 16, 31, 130])
def test_equals_brute_force(width, dtype, index, perm):
    pattern = random_pattern(11, 9, 60, index, perm, seed=width)
    a, b = draw(11, 3, width, dtype=dtype), draw(9, 3, width, dtype=dtype, seed=1)
    out, expected = sddmm(pattern, a, b), dots(pattern, a, b)
    tol = 1e-4 if dtype == torch.float32 else 1e-12
    assert out.dtype == dtype
    assert_close(out.double(), expected, rtol=tol, atol=tol)
    single = sddmm(pattern, a[:, 0], b[:, 0])
    assert_close(single.double(), expected[:, 0], rtol=tol, atol=tol)


def test_native_equals_the_reference(compiled, monkeypatch):
    pattern = random_pattern(11, 9, 60, perm=True)
    a, b = draw(11, 2, 21), draw(9, 2, 21, seed=1)
    expected = reference.sddmm(*pattern[:3], None, a, b)
    monkeypatch.setattr(reference, 'sddmm', None)
    assert_close(sddmm(pattern, a, b), expected, rtol=1e-13, atol=1e-13)


def test_half_runs_the_reference():
    pattern = random_pattern(11, 9, 60, perm=True)
    a, b = draw(11, 2, 5).half(), draw(9, 2, 5, seed=1).half()
    out = sddmm(pattern, a, b)
    assert out.dtype == torch.float16
    assert torch.equal(out, reference.sddmm(*pattern[:3], None, a, b))


@pytest.mark.parametrize('width', [1, 7, 33, 300])
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_types_are_added_up_in_float32(dtype, width):
    pattern = random_pattern(11, 9, 60, perm=True)
    a, b = draw(11, 2, width, dtype=dtype), draw(9, 2, width, dtype=dtype, seed=1)
    out, exact = sddmm(pattern, a, b), sddmm(pattern, a.double(), b.double())
    assert out.dtype == dtype
    assert_close(out.double(), exact, rtol=2**-8, atol=1e-4)


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize(('dtype', 'index'), TYPES)
def test_sums_at_the_non_zeros(dtype, index, perm):
    pattern = random_pattern(11, 9, 60, index, perm)
    a, b = draw(11, 3, dtype=dtype), draw(9, 3, dtype=dtype, seed=1)
    out = sddmm(pattern, a, b, 'add')
    for i, j, place in slots_of(pattern):
        assert torch.equal(out[place], a[i] + b[j])
    assert torch.equal(sddmm(pattern, a[:, 0], b[:, 0], 'add'), out[:, 0])


def test_gradients_of_sums():
    pattern = random_pattern(5, 4, 12, perm=True)
    a, b = draw(5, 2).requires_grad_(), draw(4, 2, seed=1).requires_grad_()

    def run(a, b):
        return sddmm(pattern, a, b, 'add').sin()

    assert gradcheck(run, (a, b))
    assert gradgradcheck(run, (a, b))
    opcheck(sddmm_add_op, (*pattern[:3], a, b, *pattern[3:]))


def test_another_op_is_refused():
    with pytest.raises(ValueError, match="got 'mul'"):
        sddmm(random_pattern(11, 9, 60), draw(11, 5), draw(9, 5), 'mul')


@pytest.mark.parametrize('narrow', [torch.float32, torch.bfloat16])
def test_mixed_types_meet_in_the_wider(narrow):
    pattern = random_pattern(11, 9, 60)
    a, b = draw(11, 5, dtype=narrow), draw(9, 5, seed=1)
    out = sddmm(pattern, a, b)
    assert out.dtype == torch.float64
    assert_close(out, sddmm(pattern, a.double(), b))


@pytest.mark.parametrize(('rows', 'cols', 'width'), [(4, 3, 2), (0, 0, 2), (4, 3, 0)])
def test_nothing_to_multiply(rows, cols, width):
    pattern = random_pattern(rows, cols, 0)
    a = torch.ones(rows, width, requires_grad=True)
    b = torch.ones(cols, width, requires_grad=True)
    out = sddmm(pattern, a, b)
    assert out.shape == (0,)
    out.sum().backward()
    assert torch.equal(a.grad, torch.zeros_like(a))
    assert torch.equal(b.grad, torch.zeros_like(b))


def test_no_features_give_zeros():
    out = sddmm(random_pattern(5, 4, 12), torch.ones(5, 2, 0), torch.ones(4, 2, 0))
    assert torch.equal(out, torch.zeros(12, 2))


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize('heads', [[], [2]])
def test_gradients_of_first_and_second_order(heads, perm):
    pattern = random_pattern(5, 3, 6, perm=perm)

    def run(a, b):
        return sddmm(pattern, a, b)

    inputs = [draw(5, *heads, 2), draw(3, *heads, 2, seed=1)]
    for tensor in inputs:
        tensor.requires_grad_()
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def test_gradients_and_operands_of_any_stride():
    pattern = random_pattern(11, 9, 60, perm=True)
    a, b = draw(2, 7, 11).permute(2, 0, 1), draw(7, 9, 2, seed=1).permute(1, 2, 0)
    found = []
    for prepare in (torch.Tensor.contiguous, lambda t: t):
        a, b = (prepare(t.detach()).requires_grad_() for t in (a, b))
        grad = prepare(draw(2, 60, seed=2).t())
        out = sddmm(pattern, a, b)
        found.append((out, *torch.autograd.grad(out, (a, b), grad)))
        a, b = a.detach().permute(1, 2, 0), b.detach().permute(2, 0, 1)
        a, b = a.contiguous().permute(2, 0, 1), b.contiguous().permute(1, 2, 0)
        assert not a.is_contiguous()
    assert all(torch.equal(x, y) for x, y in zip(*found, strict=True))
    out = sddmm(pattern, a.requires_grad_(), b)
    ones = torch.autograd.grad(out, a, torch.ones_like(out), retain_graph=True)
    assert torch.equal(torch.autograd.grad(out.sum(), a)[0], ones[0])


def test_the_same_bits_with_one_thread_and_two():
    pattern, found = random_pattern(600, 500, 5000, perm=True), []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        a = draw(600, 2, 19, dtype=torch.float32).requires_grad_()
        b = draw(500, 2, 19, dtype=torch.float32, seed=1).requires_grad_()
        out = sddmm(pattern, a, b)
        out.square().sum().backward()
        found.append((out, a.grad, b.grad))
    assert all(torch.equal(x, y) for x, y in zip(*found, strict=True))


@pytest.mark.parametrize('dtype', [torch.float64, torch.bfloat16])
def test_op_is_well_formed(dtype):
    pattern = random_pattern(5, 4, 12, perm=True)
    a = draw(3, 2, 5, dtype=dtype).permute(2, 1, 0).requires_grad_()
    b = draw(3, 2, 4, dtype=dtype, seed=1).permute(2, 1, 0).requires_grad_()
    keep = pack_bits(draw(12) > 0)
    for bits in (None, keep):
        opcheck(sddmm_op, (*pattern[:3], bits, a, b, *pattern[3:]))


def test_compiles_as_one_graph():
    pattern, a, b = random_pattern(11, 9, 60), draw(11, 5).requires_grad_(), draw(9, 5)
    compiled = torch.compile(sddmm, backend='aot_eager', fullgraph=True)
    found = torch.autograd.grad(compiled(pattern, a, b).sum(), a)
    assert_close(found, torch.autograd.grad(sddmm(pattern, a, b).sum(), a))


def test_what_does_not_fit_is_refused():
    pattern, a, b = random_pattern(5, 4, 12), torch.ones(5, 2), torch.ones(4, 2)
    with pytest.raises(ValueError, match=r'a has 4 rows.*5 rows'):
        sddmm(pattern, b, b)
    with pytest.raises(ValueError, match=r'b has 5 rows.*4 columns'):
        sddmm(pattern, a, a)
    with pytest.raises(ValueError, match=r'\[5, 2\] and \[4, 3\]'):
        sddmm(pattern, a, torch.ones(4, 3))
    with pytest.raises(NotImplementedError, match='jvp'):
        torch.func.jvp(lambda a: sddmm(pattern, a, b), (a,), (a,))
    bare = Pattern(*pattern[:3])
    with pytest.raises(ValueError, match='pattern with a transpose'):
        sddmm(bare, a, b.requires_grad_()).sum().backward()
