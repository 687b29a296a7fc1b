import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import resolve
from graphsparse.pruning import Distribution
from graphsparse.pruning.distributions.uniform import UniformDistribution
from tests.helpers import modest


def test_the_same_density_everywhere():
    scores = {'small': torch.arange(10.0), 'large': 100 + torch.arange(40.0).view(8, 5)}
    mask = UniformDistribution().select(scores, 0.7)
    assert torch.equal(mask.keep['small'], scores['small'] >= 7)
    assert torch.equal(mask.keep['large'], scores['large'] >= 128)


def test_what_rounding_leaves_goes_to_the_largest_remainders():
    scores = {'a': torch.rand(5), 'b': torch.rand(3), 'c': torch.rand(3)}
    kept = UniformDistribution().keep(scores, 6)  # shares 2.73, 1.64, 1.64
    assert [int(mask.sum()) for mask in kept.values()] == [3, 2, 1]


@modest
@given(st.lists(st.integers(0, 30), max_size=6), st.integers(0, 999))
def test_exact_over_all(sizes, thousandths):
    scores = {str(i): torch.rand(size) for i, size in enumerate(sizes)}
    mask = UniformDistribution().select(scores, thousandths / 1000)
    total = sum(sizes)
    assert mask.num_total == total
    assert mask.num_kept == total + -total * thousandths // 1000
    for keep in mask.keep.values():
        share = keep.numel() * mask.num_kept / max(total, 1)
        assert abs(int(keep.sum()) - share) < 1


def test_made_by_name():
    assert resolve(Distribution, 'uniform') == UniformDistribution()
