import numpy as np
import pytest
import scipy.sparse
import torch
from torch.library import opcheck
from torch.testing import assert_close

from graphsparse.kernels import (
    Pattern,
    compact,
    pack_bits,
    reference,
    spmm,
    transpose_csr,
)
from graphsparse.kernels.spmm import spmm_backward_op, spmm_op
from graphsparse.kernels.spmm_max import spmm_max_backward_op, spmm_max_op
from tests.helpers import densify, random_pattern, slots_of

WIDTHS = [1, 3, 7, 8, 16, 31, 130]
TYPES = [
    (dtype, index)
    for dtype in (torch.float32, torch.float64)
    for index in (torch.int32, torch.int64)
]


def draw(*shape, dtype=torch.float64, seed=0):
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.standard_normal(shape)).to(dtype)


def close(actual, expected):
    tol = 1e-5 if actual.dtype == torch.float32 else 1e-12
    assert_close(actual.double(), expected.double(), rtol=tol, atol=tol)


def largest(pattern, x, value):
    """The maximum by brute force, ``[rows, heads, features]``."""
    shape = (pattern.rowptr.numel() - 1, *x.shape[1:])
    out, seen = torch.zeros(shape, dtype=x.dtype), set()
    for i, j, place in slots_of(pattern):
        message = x[j] if value is None else x[j] * value[place].unsqueeze(-1)
        out[i] = torch.maximum(out[i], message) if i in seen else message
        seen.add(i)
    return out


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize(('dtype', 'index'), TYPES)
@pytest.mark.parametrize('width', WIDTHS)
def test_sum_equals_scipy(width, dtype, index, perm):
    pattern = random_pattern(11, 9, 60, index, perm, seed=width)
    x, value = draw(9, width, dtype=dtype), draw(60, dtype=dtype, seed=1)
    data = value if pattern.perm is None else value[pattern.perm]
    csr = [t.numpy() for t in (data, pattern.col, pattern.rowptr)]
    matrix = scipy.sparse.csr_array(tuple(csr), shape=(11, 9))
    out = spmm(pattern, x, value)
    assert out.dtype == dtype
    close(out, torch.as_tensor(matrix @ x.numpy()))


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('width', WIDTHS)
def test_each_head_has_its_own_values(width, dtype, perm):
    pattern = random_pattern(10, 12, 50, perm=perm, seed=width)
    x, value = draw(12, 3, width, dtype=dtype), draw(50, 3, dtype=dtype, seed=1)
    out = spmm(pattern, x, value)
    for head in range(3):
        expected = densify(pattern, value[:, head]) @ x[:, head].double()
        close(out[:, head], expected)
    shared = spmm(pattern, x, value[:, 0])
    close(shared, spmm(pattern, x, value[:, :1].expand(-1, 3)))


@pytest.mark.parametrize('width', [1, 7, 130])
def test_without_values_and_mean_over_the_rows_non_zeros(width):
    pattern = random_pattern(11, 9, 60)
    x, value = draw(9, width), draw(60, seed=1)
    close(spmm(pattern, x), densify(pattern) @ x)
    count = pattern.rowptr.diff().clamp(min=1).unsqueeze(1)
    close(spmm(pattern, x, value, 'mean'), densify(pattern, value) @ x / count)


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize('valued', [False, True])
@pytest.mark.parametrize(('dtype', 'index'), TYPES)
def test_maximum_equals_brute_force(dtype, index, valued, perm):
    pattern = random_pattern(11, 9, 60, index, perm)
    x = draw(9, 2, 5, dtype=dtype).round()  # ties are many
    value = draw(60, 2, dtype=dtype, seed=1).sign() if valued else None
    out = spmm(pattern, x, value, 'max')
    assert torch.equal(out, largest(pattern, x, value))
    assert (out[::3] == 0).all()
    low = spmm(pattern, x, value, 'min')
    assert torch.equal(low, -largest(pattern, -x, value))


@pytest.mark.parametrize('perm', [False, True])
@pytest.mark.parametrize('valued', [False, True])
@pytest.mark.parametrize('masked', [False, True])
@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
def test_native_equals_the_reference(compiled, dtype, masked, valued, perm):
    pattern = random_pattern(40, 30, 300, perm=perm)
    keep = pack_bits(draw(300) > 0) if masked else None
    x = draw(30, 2, 21, dtype=dtype)
    x[0, 0, 0], x[1, 1, :3] = torch.nan, -torch.inf
    value = draw(300, 2, dtype=dtype, seed=1).abs() if valued else None
    args = *pattern[:3], keep, value, x
    for reduce in ('sum', 'mean'):
        out = spmm_op(*args, *pattern[3:], reduce == 'mean')
        assert_close(out, reference.spmm(*args, reduce), equal_nan=True)
    for reduce in ('max', 'min'):
        out = spmm_max_op(*args, *pattern[3:], reduce == 'max')
        expected = reference.spmm(*args, reduce)
        assert_close(out, expected, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize('dtype', [torch.float16, torch.int32])
def test_other_types_run_the_reference(dtype):
    pattern = random_pattern(11, 9, 60, perm=True)
    x, value = (3 * draw(9, 5)).to(dtype), (3 * draw(60, seed=1)).to(dtype)
    args = *pattern[:3], None, value.unsqueeze(1), x.unsqueeze(1)
    out = spmm(pattern, x, value)
    assert out.dtype == dtype
    assert torch.equal(out, reference.spmm(*args, 'sum').squeeze(1))
    assert spmm(pattern, x, value, 'max').dtype == dtype


def test_integer_features_do_not_truncate_the_values():
    pattern = random_pattern(11, 9, 60)
    labels, value = torch.arange(18).view(9, 2), draw(60, seed=1, dtype=torch.float32)
    out = spmm(pattern, labels, value)
    close(out, densify(pattern, value) @ labels.double())
    assert spmm(pattern, labels).dtype == torch.int64
    assert torch.equal(
        spmm(pattern, labels).double(), densify(pattern) @ labels.double()
    )


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64, torch.bfloat16])
@pytest.mark.parametrize('reduce', ['sum', 'mean', 'max', 'min'])
@pytest.mark.parametrize(
    ('rows', 'cols', 'width'), [(4, 3, 2), (4, 0, 2), (0, 3, 2), (0, 0, 2), (4, 3, 0)]
)
def test_nothing_to_sum(rows, cols, width, reduce, dtype):
    pattern = random_pattern(rows, cols, 0)
    x = torch.ones(cols, width, dtype=dtype, requires_grad=True)
    value = torch.ones(0, dtype=dtype, requires_grad=True)
    out = spmm(pattern, x, value, reduce)
    assert torch.equal(out, out.new_zeros(rows, width))
    out.sum().backward()
    assert torch.equal(x.grad, torch.zeros_like(x))
    assert value.grad.shape == (0,)


@pytest.mark.parametrize('reduce', ['sum', 'max', 'mean', 'min'])
@pytest.mark.parametrize(
    ('perm', 'heads', 'values'),
    [(False, None, None), (True, None, 1), (False, 2, 1), (True, 2, 2)],
)
def test_gradients_of_first_and_second_order(reduce, perm, heads, values):
    pattern = random_pattern(5, 3, 6, perm=perm)
    x = draw(3, *([heads] if heads else []), 2).requires_grad_()
    inputs = [x]
    if values:
        inputs.append(draw(6, *([values] if values > 1 else []), seed=1))
        inputs[1].requires_grad_()

    def run(x, value=None):
        return spmm(pattern, x, value, reduce)

    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)


def dense_gradients(pattern, x, value, grad):
    row, col, place = torch.tensor(list(slots_of(pattern))).t()
    x, value = (t.detach().double().requires_grad_() for t in (x, value))
    shape = pattern.rowptr.numel() - 1, x.size(0)
    matrix = torch.zeros(shape, dtype=torch.float64)
    matrix = matrix.index_put((row, col), value[place], accumulate=True)
    return torch.autograd.grad(matrix @ x, (x, value), grad.double())


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('width', [1, 3, 31, 130])
@pytest.mark.parametrize('kind', ['expanded', 'transposed', 'sliced'])
def test_gradients_of_any_stride(kind, width, dtype):
    pattern = random_pattern(11, 9, 60, perm=True, seed=width)
    x = draw(9, width, dtype=dtype).requires_grad_()
    value = draw(60, dtype=dtype, seed=1).requires_grad_()
    grad = {
        'expanded': torch.ones((), dtype=dtype).expand(11, width),
        'transposed': draw(width, 11, dtype=dtype, seed=2).t(),
        'sliced': draw(22, 2 * width, dtype=dtype, seed=2)[::2, ::2],
    }[kind]
    out = spmm(pattern, x, value)
    ours = torch.autograd.grad(out, (x, value), grad, retain_graph=True)
    for found, expected in zip(
        ours, dense_gradients(pattern, x, value, grad), strict=True
    ):
        close(found, expected)
    if kind == 'expanded':
        assert grad.stride() == (0, 0)
        out.sum().backward()
        assert torch.equal(x.grad, ours[0])


def test_operands_of_any_stride():
    pattern = random_pattern(11, 9, 60)
    whole = draw(2, 31, 9)
    x = whole.permute(2, 0, 1)
    value = draw(2, 60, seed=1).t()
    assert not x.is_contiguous()
    assert not value.is_contiguous()
    for reduce in ('sum', 'mean', 'max', 'min'):
        expected = spmm(pattern, x.contiguous(), value.contiguous(), reduce)
        assert torch.equal(spmm(pattern, x, value, reduce), expected)
    one = value.new_full((1,), 2.0).expand(60)
    close(spmm(pattern, x[:, 0], one), 2 * densify(pattern) @ x[:, 0])


def test_slots_that_attain_a_maximum_share_its_gradient():
    pattern = Pattern(torch.tensor([0, 3, 3]), torch.tensor([2, 0, 1]))
    x = torch.tensor([[1.0], [1.0], [0.0]], requires_grad=True)
    spmm(pattern, x, reduce='max').sum().backward()
    assert x.grad.squeeze(1).tolist() == [0.5, 0.5, 0.0]
    x = torch.tensor([[2.0], [-1.0], [-1.0]], requires_grad=True)
    value = torch.tensor([1.0, -1.0, 2.0], requires_grad=True)
    spmm(pattern, x, value, 'min').sum().backward()  # -1, -2, -2
    assert x.grad.squeeze(1).tolist() == [-0.5, 1.0, 0.0]
    assert value.grad.tolist() == [0.0, 1.0, -0.5]


def test_the_gradient_of_extremes_is_that_of_the_reference_in_chunks(monkeypatch):
    pattern = random_pattern(11, 9, 60, perm=True)
    x, value = draw(9, 2, 5).round().requires_grad_(), draw(60, 2, seed=1).sign()
    value.requires_grad_()
    grad = draw(11, 2, 5, seed=2)
    out = spmm(pattern, x, value, 'max')
    found = torch.autograd.grad(out, (value, x), grad)
    for chunk in (2**22, 240):  # two features at a time
        monkeypatch.setattr(reference, '_CHUNK', chunk)
        args = *pattern[:3], None, value, x, out, grad
        for a, b in zip(found, reference.spmm_max_backward(*args), strict=True):
            close(a, b)


@pytest.mark.parametrize('valued', [False, True])
@pytest.mark.parametrize('reduce', ['sum', 'mean', 'max', 'min'])
def test_what_is_not_kept_is_gone(reduce, valued):
    pattern, mask = random_pattern(40, 30, 300, perm=True), draw(300, seed=3) > 0
    rowptr, col, slot = compact(*pattern[:2], mask[pattern.perm])
    perm = pattern.perm[slot]
    less = Pattern(rowptr, col, perm, *transpose_csr(rowptr, col, 30))
    less = less._replace(t_perm=perm[less.t_perm])
    leaves = [draw(30, 2, 5).requires_grad_()]
    if valued:
        leaves.append(draw(300, 2, seed=1).requires_grad_())
    grad = draw(40, 2, 5, seed=2)
    hidden = spmm(pattern, *leaves, reduce=reduce, keep=pack_bits(mask))
    value = leaves[1] if valued else None
    args = *less[:3], None, value, leaves[0]
    close(hidden, reference.spmm(*args, reduce))
    found = torch.autograd.grad(hidden, leaves, grad)
    expected = torch.autograd.grad(reference.spmm(*args, reduce), leaves, grad)
    for a, b in zip(found, expected, strict=True):
        close(a, b)


@pytest.mark.parametrize('reduce', ['sum', 'mean', 'max', 'min'])
@pytest.mark.parametrize('width', [1, 7, 33, 130])
def test_bfloat16_is_added_up_in_float32(width, reduce):
    pattern = random_pattern(5, 40, 2000, perm=True)
    x, value = draw(40, width).bfloat16(), draw(2000, seed=1).bfloat16()
    leaves = [x.requires_grad_(), value.requires_grad_()]
    wide = [leaf.detach().double().requires_grad_() for leaf in leaves]
    out, exact = spmm(pattern, *leaves, reduce), spmm(pattern, *wide, reduce)
    assert out.dtype == torch.bfloat16
    # One rounding at the end, 2^-9 of the result, and float32 before it.
    assert_close(out.double(), exact, rtol=2**-8, atol=1e-4)
    if reduce in ('sum', 'mean'):
        grad = draw(5, width, seed=2).bfloat16()
        found = torch.autograd.grad(out, leaves, grad)
        expected = torch.autograd.grad(exact, wide, grad.double())
        for a, b in zip(found, expected, strict=True):
            assert a.dtype == torch.bfloat16
            assert_close(a.double(), b, rtol=2**-6, atol=1e-2)


def test_bits_of_another_length_are_refused():
    pattern, x = random_pattern(11, 9, 60), draw(9, 5)
    for keep in (torch.ones(60, dtype=torch.bool), pack_bits(torch.ones(40) > 0)):
        with pytest.raises(ValueError, match='pack_bits of a mask of the 60 slots'):
            spmm(pattern, x, keep=keep)


@pytest.mark.parametrize('reduce', ['sum', 'mean', 'max', 'min'])
def test_the_same_bits_with_one_thread_and_two(reduce):
    pattern = random_pattern(600, 500, 5000, perm=True)
    found = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        x = draw(500, 2, 19, dtype=torch.float32).requires_grad_()
        value = draw(5000, 2, dtype=torch.float32, seed=1).requires_grad_()
        out = spmm(pattern, x, value, reduce)
        out.square().sum().backward()
        found.append((out, x.grad, value.grad))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))


@pytest.mark.parametrize('dtype', [torch.float32, torch.bfloat16])
def test_ops_are_well_formed(dtype):
    pattern = random_pattern(5, 4, 12, perm=True)
    x = draw(3, 2, 4, dtype=dtype).permute(2, 1, 0).requires_grad_()
    value = draw(12, 2, dtype=dtype, seed=1).requires_grad_()
    keep, nothing = pack_bits(draw(12) > -1), (None, None, None)
    for flag in (False, True):
        opcheck(spmm_op, (*pattern[:3], keep, value, x, *pattern[3:], flag))
        opcheck(spmm_op, (*pattern[:2], *nothing, x.detach(), *nothing, flag))
        opcheck(spmm_max_op, (*pattern[:3], keep, value, x, *pattern[3:], flag))
    grad = draw(5, 2, 3, dtype=dtype).requires_grad_()
    back = *pattern[3:], keep, value, x, grad, *pattern[:3]
    opcheck(spmm_backward_op, back)
    out = spmm_max_op(*pattern[:3], None, value, x, *nothing, True)
    given = [t.detach() for t in (value, x, out, grad)]
    opcheck(spmm_max_backward_op, (*pattern[:3], keep, *given, *pattern[3:]))


def test_compiles_as_one_graph():
    pattern = random_pattern(11, 9, 60, perm=True)
    x, value = draw(9, 5).requires_grad_(), draw(60, seed=1).requires_grad_()

    def run(x, value):
        return sum(
            spmm(pattern, x, value, r).sin() for r in ('sum', 'mean', 'max', 'min')
        )

    compiled = torch.compile(run, backend='aot_eager', fullgraph=True)
    found = torch.autograd.grad(compiled(x, value).sum(), (x, value))
    expected = torch.autograd.grad(run(x, value).sum(), (x, value))
    for a, b in zip(found, expected, strict=True):
        close(a, b)


def test_gradients_without_a_transpose_are_refused():
    pattern = Pattern(*random_pattern(5, 4, 12)[:3])
    x = torch.ones(4, 2, requires_grad=True)
    with pytest.raises(ValueError, match='needs the pattern with a transpose'):
        spmm(pattern, x).sum().backward()


def test_forward_mode_is_refused_rather_than_zero():
    pattern, x = random_pattern(5, 4, 12), torch.ones(4, 2)
    value = torch.ones(12)
    with pytest.raises(NotImplementedError, match='jvp'):
        torch.func.jvp(lambda x: spmm(pattern, x), (x,), (x,))
    with pytest.raises(NotImplementedError, match='jvp'):
        torch.func.jvp(lambda v: spmm(pattern, x, v), (value,), (value,))
    with torch.autograd.forward_ad.dual_level():
        spmm(pattern, x)


def test_autocast_runs_forward_and_backward():
    pattern, lin = random_pattern(11, 9, 60), torch.nn.Linear(4, 6)
    with torch.autocast('cpu', torch.bfloat16):
        out = spmm(pattern, lin(torch.ones(9, 4)), torch.ones(60))
    assert out.dtype == torch.bfloat16
    out.float().sum().backward()
    assert lin.weight.grad.isfinite().all()


@pytest.mark.parametrize('rows', [3, 5])
def test_features_of_another_length_are_refused(rows):
    with pytest.raises(ValueError, match=f'x has {rows} rows.*4 columns'):
        spmm(random_pattern(5, 4, 12), torch.ones(rows, 2))


def test_what_does_not_fit_is_refused():
    pattern, x = random_pattern(5, 4, 12), torch.ones(4, 2)
    with pytest.raises(ValueError, match=r'value has 11 rows.*12 slots'):
        spmm(pattern, x, torch.ones(11))
    with pytest.raises(ValueError, match=r'shape \[4\]'):
        spmm(pattern, x[:, 0])
    with pytest.raises(ValueError, match="'median'"):
        spmm(pattern, x, reduce='median')
