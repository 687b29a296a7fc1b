import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import resolve
from graphsparse.pruning import Distribution
from graphsparse.pruning.distributions.erk import ErkDistribution
from tests.helpers import modest


def kept(shapes, number):
    torch.manual_seed(0)
    scores = {str(i): torch.rand(shape) for i, shape in enumerate(shapes)}
    masks = ErkDistribution().keep(scores, number)
    for name, mask in masks.items():
        left, gone = scores[name][mask].tolist(), scores[name][~mask].tolist()
        assert not left or not gone or min(left) >= max(gone)
    return [int(mask.sum()) for mask in masks.values()]


def test_in_proportion_to_summed_dimensions():
    assert kept([(100, 50), (50, 10), (10, 30)], 500) == [300, 120, 80]
    assert kept([(16, 8, 3, 3), (8, 4, 3, 3)], 96) == [60, 36]


def test_small_tensors_are_kept_whole_and_the_rest_shares():
    # The bias would take 4 / 30 of 60 at first, more than it has.
    assert kept([(4,), (20, 6)], 60) == [4, 56]
    assert kept([(2, 2), (3, 3), (100, 100)], 500) == [4, 9, 487]
    assert kept([(4,), (20, 6)], 124) == [4, 120]
    assert kept([(4,), (20, 6)], 0) == [0, 0]


SHAPES = st.lists(st.lists(st.integers(1, 9), min_size=1, max_size=3), max_size=5)


@modest
@given(SHAPES, st.integers(0, 999))
def test_exact_over_all_and_denser_where_smaller(shapes, thousandths):
    scores = {str(i): torch.rand(shape) for i, shape in enumerate(shapes)}
    mask = ErkDistribution().select(scores, thousandths / 1000)
    total = mask.num_total
    assert mask.num_kept == total + -total * thousandths // 1000
    whole, partial = [], []
    for keep in mask.keep.values():
        triple = sum(keep.shape), keep.numel(), int(keep.sum())
        (whole if triple[1] == triple[2] else partial).append(triple)
    if partial:  # one common factor, but for rounding
        low = max((number - 1) / dims for dims, _, number in partial)
        high = min((number + 1) / dims for dims, _, number in partial)
        assert low <= high
        assert all((size - 1) / dims <= high for dims, size, _ in whole)


def test_made_by_name():
    assert resolve(Distribution, 'erk') == ErkDistribution()


@pytest.mark.parametrize('shape', [(5, 5), (25,), (0, 3), ()])
def test_one_tensor_takes_it_all(shape):
    size = math.prod(shape)
    assert kept([shape], size // 2) == [size // 2]
    assert kept([shape], size) == [size]
