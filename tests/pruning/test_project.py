import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.pruning import WeightMask, l0_support, project_l0
from tests.helpers import modest


def test_half_of_five():
    weights = {'w': torch.tensor([3.0, -1.0, 0.5, -2.0, 0.1])}
    assert project_l0(weights, 0.5)['w'].tolist() == [3.0, 0.0, 0.0, -2.0, 0.0]
    assert project_l0(weights, 0.5, 'floor')['w'].tolist() == [
        3.0,
        -1.0,
        0.0,
        -2.0,
        0.0,
    ]
    assert weights['w'].tolist() == pytest.approx([3.0, -1.0, 0.5, -2.0, 0.1])


def test_all_tensors_share_one_budget():
    weights = {
        'small': torch.tensor([0.1, -0.2]),
        'large': torch.tensor([[5.0], [-6.0]]),
    }
    out = project_l0(weights, 0.5)
    assert out['small'].tolist() == [0.0, 0.0]
    assert out['large'].tolist() == [[5.0], [-6.0]]
    assert l0_support(weights, 0.25).keep['small'].tolist() == [False, True]
    assert l0_support(weights, 0.3).num_kept == 2


def test_of_equal_magnitudes_the_first_stays():
    out = project_l0({'a': torch.tensor([1.0, -1.0]), 'b': torch.tensor([1.0])}, 0.5)
    assert out['a'].tolist() == [1.0, 0.0]
    assert out['b'].tolist() == [0.0]


def test_nothing_removed_and_nothing_there():
    weights = {'w': torch.tensor([0.0, -0.0, 3.0])}
    assert torch.equal(project_l0(weights, 0.0)['w'], weights['w'])
    assert project_l0({}, 0.5) == {}
    assert isinstance(l0_support({}, 0.5), WeightMask)
    with pytest.raises(InputError, match=r'\(got 1.0\)'):
        project_l0(weights, 1.0)


def test_parameters_keep_their_gradients_apart():
    weight = torch.nn.Parameter(torch.tensor([1.0, 2.0]))
    assert not l0_support({'w': weight}, 0.5).keep['w'].requires_grad
    project_l0({'w': weight}, 0.5)['w'].sum().backward()
    assert weight.grad.tolist() == [0.0, 1.0]


vectors = st.lists(st.floats(-10, 10, width=32), min_size=1, max_size=20)


@modest
@given(vectors, st.floats(0, 0.99), st.randoms(use_true_random=False))
def test_the_nearest_point_of_few_non_zeros(values, sparsity, random):
    w = torch.tensor(values).double()
    half = len(values) // 2
    weights = {'a': w[:half], 'b': w[half:].view(-1, 1)}
    out = project_l0(weights, sparsity)
    found = torch.cat([out['a'], out['b'].view(-1)])
    allowed = len(values) - math.ceil(len(values) * sparsity - 1e-9)
    assert int((found != 0).sum()) <= allowed
    twice = project_l0(out, sparsity)
    assert all(torch.equal(twice[name], out[name]) for name in out)
    # For one set of places the best point is w there; any other set is no nearer.
    for _ in range(20):
        places = random.sample(range(len(values)), allowed)
        other = torch.zeros_like(w)
        other[places] = w[places]
        assert (w - found).square().sum() <= (w - other).square().sum() + 1e-12


def test_a_zeroed_weight_may_come_back():
    torch.manual_seed(0)
    weight, target = torch.randn(40), torch.randn(40)
    supports = []
    for _ in range(50):
        weight = weight - 0.1 * (weight - target)
        weight = project_l0({'w': weight}, 0.7)['w']
        assert int((weight != 0).sum()) <= 12
        supports.append(weight != 0)
    assert any(not torch.equal(a, supports[0]) for a in supports)
