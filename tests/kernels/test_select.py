from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.kernels import compact, global_topk, kth_value, native, reference
from tests.helpers import modest

scores = st.lists(
    st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 1.0, np.inf])
    | st.floats(allow_nan=False, width=32),
    max_size=40,
)
FLOATS = st.sampled_from([torch.float32, torch.float64])
TINY = torch.finfo(torch.float32).tiny


@pytest.fixture(params=['compiled', 'reference'])
def either(request, monkeypatch):
    """As installed, and as without a compiler."""
    if request.param == 'compiled':
        request.getfixturevalue('compiled')
    else:
        monkeypatch.setattr('graphsparse.kernels.select.native_call', lambda *_: False)


def bits_of(value):
    return value.view(torch.int32 if value.dtype == torch.float32 else torch.int64)


def wild(size, seed, dtype=torch.float32):
    """Any bits that are a number: infinite, subnormal, of all sizes, some equal."""
    generator = torch.Generator().manual_seed(seed)
    whole = torch.int32 if dtype == torch.float32 else torch.int64
    info = torch.iinfo(whole)
    drawn = torch.randint(info.min, info.max, (size,), dtype=whole, generator=generator)
    number = drawn.view(dtype).nan_to_num(1.5, torch.inf, -torch.inf)
    number[::5] = number[0]
    number[1::7] = (
        torch.tensor([0.0, -0.0, torch.inf, -torch.inf, TINY / 4])
        .repeat(size)[: number[1::7].numel()]
        .to(dtype)
    )
    return number


@modest
@given(scores.filter(len), st.floats(0, 1), FLOATS)
def test_the_kth_value_is_torchs(values, share, dtype):
    score = torch.tensor(values, dtype=dtype)
    k = 1 + round(share * (len(values) - 1))
    expected = score.kthvalue(k).values + 0  # of two zeros torch takes either
    assert torch.equal(bits_of(kth_value(score, k)), bits_of(expected))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('threads', [1, 3])
@pytest.mark.parametrize('size', [1, 2, 255, 4001, 40_001])
def test_of_any_bits_on_any_threads(compiled, any_thread, size, threads, dtype):
    torch.set_num_threads(threads)
    score = wild(size, size, dtype)
    ascending = score.sort().values + 0
    for k in {1, 2, size // 3, size // 2, size - 1, size} & {*range(1, size + 1)}:
        assert torch.equal(bits_of(kth_value(score, k)), bits_of(ascending[k - 1]))
        marked = global_topk(score, k)
        assert int(marked.sum()) == k
        assert torch.equal(
            marked, reference.topk_mask(score, k) if k < size else marked
        )
    torch.set_num_threads(1)


def test_subnormals_and_both_zeros_stand_in_their_order(either):
    small = TINY / 2**20
    score = torch.tensor([0.0, small, -small, -0.0, 2 * small])
    found = [float(kth_value(score, k)) for k in range(1, 6)]
    assert found == [-small, 0.0, 0.0, small, 2 * small]
    assert not any(kth_value(score, k).signbit() for k in (2, 3))
    assert global_topk(-score, 3).tolist() == [True, False, True, True, False]


def test_all_equal(either):
    score = torch.full((70_000,), -3.25)
    assert float(kth_value(score, 12_345)) == -3.25
    assert torch.equal(global_topk(score, 40_000), torch.arange(70_000) < 40_000)


def test_the_kth_value_refuses_nan_and_ranks_outside(either):
    for nan in (torch.nan, -torch.tensor(torch.nan)):
        score = torch.tensor([1.0, 2.0]).index_fill(0, torch.tensor([1]), nan)
        with pytest.raises(ValueError, match='NaN'):
            kth_value(score, 1)
    for k in (0, 4):
        with pytest.raises(ValueError, match=f'between 1 and 3 .got {k}'):
            kth_value(torch.zeros(3), k)


def test_the_compiled_selection_is_what_runs(compiled, monkeypatch):
    for name in ('kth_value', 'topk_mask'):
        monkeypatch.setattr(reference, name, None)
    assert {'kth_value', 'topk_mask'} <= set(native.native_ops())
    for dtype in (torch.float32, torch.float64):
        score = torch.arange(9, dtype=dtype)
        assert float(kth_value(score, 3)) == 2
        assert global_topk(score, 3).tolist() == [False] * 6 + [True] * 3
    with pytest.raises(TypeError):
        kth_value(torch.arange(9), 3)


def test_no_gradient_flows_through(either):
    score = torch.rand(9, requires_grad=True)
    assert not kth_value(score, 3).requires_grad
    assert int(global_topk(score, 3).sum()) == 3


@modest
@given(scores, st.floats(0, 1), FLOATS)
def test_exact_in_number_and_the_earlier_of_equals(values, share, dtype):
    score = torch.tensor(values, dtype=dtype)
    k = round(share * len(values))
    mask = global_topk(score, k)
    assert mask.dtype == torch.bool
    assert int(mask.sum()) == k
    best = np.argsort(-score.numpy(), kind='stable')[:k]
    assert sorted(best.tolist()) == mask.nonzero().squeeze(1).tolist()


def test_any_shape_stride_and_type(either):
    score = torch.arange(24.0).view(4, 6).t()
    mask = global_topk(score, 5)
    assert mask.shape == (6, 4)
    assert torch.equal(mask, score >= 19)
    assert torch.equal(
        global_topk(torch.zeros(2, 3), 2), torch.tensor([[1, 1, 0], [0] * 3]).bool()
    )
    assert global_topk(torch.tensor(3.0), 1).item() is True
    assert global_topk(torch.tensor([3, 1, 3]), 1).tolist() == [True, False, False]
    assert global_topk(torch.zeros(3).expand(2, 3), 4).sum() == 4


def test_selections_of_one_score_are_nested_and_leave_it_alone():
    score = torch.rand(200).round(decimals=1)
    before = score.clone()
    masks = [global_topk(score, k) for k in range(0, 201, 10)]
    assert all((a <= b).all() for a, b in pairwise(masks))
    assert torch.equal(score, before)


@pytest.mark.parametrize('k', [-1, 4])
def test_a_number_out_of_range_is_refused(k):
    with pytest.raises(ValueError, match=f'between 0 and 3 .got {k}'):
        global_topk(torch.zeros(3), k)


@pytest.mark.parametrize('k', [0, 1, 3])
def test_nan_is_refused_whatever_the_number(either, k):
    with pytest.raises(ValueError, match='NaN'):
        global_topk(torch.tensor([1.0, torch.nan, 2.0]), k)


@modest
@given(st.lists(st.tuples(st.integers(0, 5), st.booleans()), max_size=20))
def test_compact_keeps_what_is_marked_in_its_row(slots):
    slots = sorted(slots)
    row = torch.tensor([r for r, _ in slots], dtype=torch.int64)
    keep = torch.tensor([k for _, k in slots], dtype=torch.bool)
    count = torch.bincount(row, minlength=6)
    rowptr = torch.cat([count.new_zeros(1), count.cumsum(0)])
    col = torch.arange(100, 100 + len(slots), dtype=torch.int32)
    new_rowptr, new_col, slot = compact(rowptr, col, keep)
    assert new_col.dtype == torch.int32
    assert torch.equal(new_col, col[keep])
    assert torch.equal(col[slot], new_col)
    assert torch.equal(new_rowptr.diff(), torch.bincount(row[keep], minlength=6))
    assert new_rowptr[0] == 0
