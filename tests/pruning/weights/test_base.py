from dataclasses import dataclass

import pytest
import torch

from graphsparse.engine import InputError, find
from graphsparse.pruning import WeightScore
from graphsparse.pruning.weights.base import gradients
from graphsparse.pruning.weights.magnitude import MagnitudeScore


def test_found_by_name():
    known = find(WeightScore)
    assert {'grasp', 'magnitude', 'random', 'snip', 'synflow'} <= set(known)
    assert known['magnitude'] is MagnitudeScore


def test_a_score_of_the_wrong_shape_is_refused():
    @dataclass(frozen=True)
    class Wrong(WeightScore):
        def score(self, weights, probe, seed):
            return {name: weight.sum() for name, weight in weights.items()}

    with pytest.raises(TypeError, match=r"\[\] for 'w' of shape \[2\]"):
        Wrong()({'w': torch.ones(2)})
    Wrong.score = lambda self, weights, probe, seed: {}
    with pytest.raises(TypeError, match='no scores'):
        Wrong()({'w': torch.ones(2)})
    Wrong.__abstractmethods__ = frozenset({'score'})  # no longer found


@pytest.mark.parametrize('rounds', [0, -1, True])
def test_bad_rounds(rounds):
    with pytest.raises(InputError, match=f'rounds .*{rounds}'):
        MagnitudeScore(rounds=rounds)


def test_gradients_at_a_copy_and_zero_where_nothing_is_read():
    weights = {'a': torch.tensor([1.0, 2.0]), 'b': torch.tensor([3.0])}
    with torch.no_grad():
        point, found = gradients(lambda at: (at['a'] ** 2).sum(), weights)
    assert found['a'].tolist() == [2.0, 4.0] and found['b'].tolist() == [0.0]
    assert point['a'] is not weights['a'] and not weights['a'].requires_grad
