from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError, find
from graphsparse.pruning import Distribution, WeightMask, select_weights
from graphsparse.pruning.select_weights import keep_within
from graphsparse.pruning.weights.magnitude import MagnitudeScore
from tests.helpers import modest
from tests.pruning.weights.nets import toy

SHAPES = {'first': (40, 60), 'middle': (40, 40), 'last': (7, 40)}


def random_weights(shapes=SHAPES, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {n: torch.randn(s, generator=generator) for n, s in shapes.items()}


def kept(mask):
    return {name: int(keep.sum()) for name, keep in mask.keep.items()}


def test_exact_in_every_layer_by_every_distribution():
    weights = random_weights()  # 2400 + 1600 + 280 = 4280
    masks = {
        name: select_weights(weights, 0.9, distribution=name)
        for name in ('global', 'uniform', 'erk')
    }
    assert kept(masks['uniform']) == {'first': 240, 'middle': 160, 'last': 28}
    # 428 by 100 : 80 : 47, so 188.55, 150.84 and 88.62
    assert kept(masks['erk']) == {'first': 188, 'middle': 151, 'last': 89}
    magnitude = torch.cat([w.abs().reshape(-1) for w in weights.values()])
    threshold = magnitude.sort(descending=True).values[427]
    for name, weight in weights.items():
        assert torch.equal(masks['global'].keep[name], weight.abs() >= threshold)


@pytest.mark.parametrize('sparsity', [0.5, 0.8, 0.95, 0.98])
def test_for_matrices_erk_is_er(sparsity):
    """Density eps (n + m) / (n m), at most 1, eps found by bisection."""
    shapes = {'one': (512, 1433), 'two': (7, 512)}
    weights = random_weights(shapes)
    total = sum(n * m for n, m in shapes.values())
    low, high = 0.0, 1e6
    for _ in range(200):
        eps = (low + high) / 2
        full = sum(min(n * m, eps * (n + m)) for n, m in shapes.values())
        low, high = (eps, high) if full < total * (1 - sparsity) else (low, eps)
    found = kept(select_weights(weights, sparsity, distribution='erk'))
    for name, (n, m) in shapes.items():
        assert abs(found[name] - min(n * m, eps * (n + m))) <= 1


def test_keep_the_classifier():
    """On Cora's shapes at 5 % of the weights the last layer stays whole."""
    weights = random_weights({'one': (512, 1433), 'two': (7, 512)})
    found = kept(select_weights(weights, 0.95, distribution='erk'))
    assert found['two'] == 7 * 512
    assert found['one'] / (512 * 1433) == pytest.approx(0.045, abs=5e-4)


def test_in_rounds_a_score_that_stays_gives_the_same():
    weights = random_weights()
    for name in find(Distribution):
        once = select_weights(weights, 0.83, MagnitudeScore(), name)
        often = select_weights(weights, 0.83, MagnitudeScore(rounds=20), name)
        assert kept(once) == kept(often)
        if name == 'global':
            assert all(torch.equal(once.keep[n], often.keep[n]) for n in weights)


@modest
@given(
    st.lists(st.tuples(st.integers(1, 6), st.integers(1, 6)), min_size=1, max_size=4),
    st.lists(st.integers(0, 99), min_size=2, max_size=6),
    st.sampled_from(['global', 'uniform', 'erk']),
    st.integers(0, 5),
)
def test_masks_within_masks_are_nested_and_exact(shapes, percents, distribution, seed):
    named = {str(i): shape for i, shape in enumerate(shapes)}
    total = sum(n * m for n, m in shapes)
    masks = [None]
    for turn, percent in enumerate(sorted(percents)):
        weights = random_weights(named, seed + turn)  # other scores each time
        mask = select_weights(
            weights, percent / 100, distribution=distribution, within=masks[-1]
        )
        assert mask.num_kept == total - -(-total * percent // 100)
        masks.append(mask)
    for outer, inner in pairwise(masks[1:]):
        assert all(not (inner.keep[n] & ~outer.keep[n]).any() for n in named)


def test_what_a_layer_lacks_goes_to_the_best_elsewhere():
    scores = {'a': torch.tensor([9.0, 8.0, 7.0]), 'b': torch.tensor([1.0, 2.0, 3.0])}
    within = WeightMask(
        {
            'a': torch.tensor([False, False, True]),
            'b': torch.tensor([True, True, True]),
        }
    )
    uniform = find(Distribution)['uniform']()
    mask = keep_within(scores, 3, uniform, within)  # 1.5 each, and a has but one
    assert mask.keep['a'].tolist() == [False, False, True]
    assert mask.keep['b'].tolist() == [False, True, True]


def test_more_than_is_left_is_refused():
    weights = random_weights()
    within = select_weights(weights, 0.5)
    with pytest.raises(InputError, match=r'0.2 of 4280 .* 2140'):
        select_weights(weights, 0.2, within=within)


def test_weights_stay_as_they_are():
    weights, probe = toy()
    before = {name: weight.clone() for name, weight in weights.items()}
    select_weights(weights, 0.7, 'synflow', probe=probe)
    assert all(torch.equal(before[name], weights[name]) for name in weights)


def test_unknown_names():
    with pytest.raises(InputError, match=r"'magnitud'.*'magnitude'"):
        select_weights(random_weights(), 0.5, 'magnitud')
    with pytest.raises(InputError, match=r"'ekr'.*'erk'"):
        select_weights(random_weights(), 0.5, distribution='ekr')
