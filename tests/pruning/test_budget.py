import math
import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.pruning.budget import check_sparsity, count_kept, count_removed
from tests.helpers import modest


@pytest.mark.parametrize(
    ('total', 'sparsity', 'floor', 'ceil'),
    [
        (100, 0.29, 29, 29),  # 28.999999999999996 in floats
        (100, 0.57, 57, 57),  # 56.99999999999999
        (100, 0.07, 7, 7),  # 7.000000000000001
        (10, 0.1 + 0.2, 3, 3),
        (3, 1 - 2 / 3, 1, 1),
        (10556, 0.05, 527, 528),
        (5278, 0.05, 263, 264),
        (737280, 0.1, 73728, 73728),
        (5, 0.5, 2, 3),
        (10, 0.0, 0, 0),
        (0, 0.5, 0, 0),
        (1, 0.999, 0, 1),
        (10**9 + 1, 0.5, 500000000, 500000001),
    ],
)
def test_exact_numbers(total, sparsity, floor, ceil):
    assert count_removed(total, sparsity) == floor
    assert count_removed(total, sparsity, 'ceil') == ceil
    assert count_removed(total, sparsity, 'strict') == min(floor + 1, total)
    assert count_kept(total, sparsity) == total - floor
    assert count_kept(total, sparsity, count='ceil') == total - ceil


@pytest.mark.parametrize(
    ('total', 'sparsity', 'kept'),
    [(10, 0.5, 6), (11, 0.5, 6), (6, 0.5, 4), (7, 0.0, 7), (7, 0.999, 1), (0, 0.5, 0)],
)
def test_the_nearest_keeps_one_and_rounds_halves_to_even(total, sparsity, kept):
    assert count_kept(total, sparsity, count='nearest') == kept


@modest
@given(st.integers(1, 1000), st.integers(0, 999))
def test_a_printed_decimal_means_itself(total, thousandths):
    exact = Fraction(thousandths, 1000) * total
    sparsity = thousandths / 1000
    assert count_removed(total, sparsity) == math.floor(exact)
    assert count_removed(total, sparsity, 'ceil') == math.ceil(exact)
    other = 1 - (1000 - thousandths) / 1000  # the same with a rounding error
    assert count_removed(total, other) == math.floor(exact)


def test_the_pruned_counts_of_the_teddy_schedule():
    rates = [1 - 0.95**k for k in (1, 5, 10, 15, 20)]
    assert [count_removed(10556, p) for p in rates] == [527, 2387, 4235, 5665, 6771]
    assert [count_removed(9228, p) for p in rates] == [461, 2087, 3702, 4952, 5919]
    pubmed = [4432, 20054, 35572, 47579, 56870]
    assert [count_removed(88651, p) for p in rates] == pubmed


@pytest.mark.parametrize('sparsity', [-0.1, 1, 1.0, 1.5, math.nan, True, False])
def test_fractions_out_of_range_are_named(sparsity):
    with pytest.raises(InputError, match=re.escape(f'[0, 1) (got {sparsity})')):
        count_removed(10, sparsity)
    with pytest.raises(InputError, match='graph_sparsity is the fraction'):
        check_sparsity(sparsity, 'graph_sparsity')


def test_exactly_one_of_fraction_and_number():
    assert count_kept(10, keep=3) == 3
    assert count_kept(10, keep=0) == 0
    assert count_kept(10, keep=10) == 10
    for wrong in (-1, 11, 2.5):
        with pytest.raises(InputError, match=re.escape(f'10 (got {wrong})')):
            count_kept(10, keep=wrong)
    with pytest.raises(InputError, match='sparsity=None, keep=None'):
        count_kept(10)
    with pytest.raises(InputError, match=r'sparsity=0.5, keep=3'):
        count_kept(10, 0.5, 3)
    with pytest.raises(InputError, match="'round'"):
        count_kept(10, 0.5, count='round')
