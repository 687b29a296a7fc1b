from itertools import pairwise

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.kernels import compact, global_topk
from tests.helpers import modest

scores = st.lists(
    st.sampled_from([-np.inf, -1.0, -0.0, 0.0, 0.5, 1.0, np.inf])
    | st.floats(allow_nan=False, width=32),
    max_size=40,
)


@modest
@given(scores, st.floats(0, 1), st.sampled_from([torch.float32, torch.float64]))
def test_exact_in_number_and_the_earlier_of_equals(values, share, dtype):
    score = torch.tensor(values, dtype=dtype)
    k = round(share * len(values))
    mask = global_topk(score, k)
    assert mask.dtype == torch.bool
    assert int(mask.sum()) == k
    best = np.argsort(-score.numpy(), kind='stable')[:k]
    assert sorted(best.tolist()) == mask.nonzero().squeeze(1).tolist()


def test_any_shape_stride_and_type():
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
def test_nan_is_refused_whatever_the_number(k):
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
