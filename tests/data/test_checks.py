import numpy as np
import pytest

from graphsparse.data.checks import check_float, check_int, check_seed
from graphsparse.engine import InputError


@pytest.mark.parametrize('value', [2, 4, np.int64(3)])
def test_int_in_range_passes(value):
    checked = check_int('count', value, 2, 4)
    assert checked == value
    assert type(checked) is int


@pytest.mark.parametrize('value', [1, 5, 2.0, True, '3', None])
def test_int_out_of_range_or_of_another_kind_is_named(value):
    with pytest.raises(InputError, match='count is ') as error:
        check_int('count', value, 2, 4)
    assert repr(value) in str(error.value)
    assert '2..4' in str(error.value)


@pytest.mark.parametrize('value', [0, 1, 0.5, np.float32(0.25)])
def test_float_in_range_passes(value):
    assert check_float('share', value, 0, 1) == value


@pytest.mark.parametrize('value', [-0.1, 1.1, float('nan'), float('inf'), '0.5', None])
def test_float_out_of_range_or_of_another_kind_is_named(value):
    with pytest.raises(InputError, match='share is ') as error:
        check_float('share', value, 0, 1)
    assert repr(value) in str(error.value)


def test_float_without_top_is_finite():
    with pytest.raises(InputError, match='inf'):
        check_float('degree', float('inf'), 0)


@pytest.mark.parametrize('seed', [-1, 2**63, 0.5])
def test_seed_fits_both_generators(seed):
    with pytest.raises(InputError, match='seed'):
        check_seed(seed)
