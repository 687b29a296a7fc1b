import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import resolve
from graphsparse.pruning import Distribution
from graphsparse.pruning.distributions.global_ import GlobalDistribution
from tests.helpers import modest


def test_one_threshold_over_all():
    scores = {
        'a': torch.tensor([[5.0, 1.0], [4.0, 0.0]]),
        'b': torch.tensor([6.0, 4.0, 4.0]),
    }
    mask = GlobalDistribution().select(scores, 4 / 7)
    assert mask.keep['a'].tolist() == [[True, False], [True, False]]
    assert mask.keep['b'].tolist() == [True, False, False]
    assert GlobalDistribution().keep({}, 0) == {}


@modest
@given(
    st.lists(st.lists(st.integers(0, 3), max_size=9), min_size=1, max_size=4),
    st.integers(0, 999),
)
def test_exact_and_the_earlier_of_equals(values, thousandths):
    scores = {str(i): torch.tensor(v).double() for i, v in enumerate(values)}
    before = {name: score.clone() for name, score in scores.items()}
    mask = GlobalDistribution().select(scores, thousandths / 1000)
    flat = torch.cat(list(scores.values()))
    order = sorted(range(len(flat)), key=lambda i: (-flat[i], i))
    kept = torch.cat(list(mask.keep.values())).nonzero().squeeze(1).tolist()
    assert kept == sorted(order[: mask.num_kept])
    assert mask.num_kept == len(flat) + -len(flat) * thousandths // 1000
    assert all(torch.equal(scores[name], before[name]) for name in scores)


@pytest.mark.parametrize(('count', 'kept'), [('ceil', 2), ('floor', 3), ('strict', 2)])
def test_how_the_number_is_rounded(count, kept):
    scores = {'a': torch.rand(5)}
    assert GlobalDistribution().select(scores, 0.5, count).num_kept == kept


def test_made_by_name():
    assert resolve(Distribution, 'global') == GlobalDistribution()
