import torch

from graphsparse.pruning.schemes import draw_weight
from graphsparse.pruning.weights.random import RandomScore


def test_uniform_and_of_its_own_for_each_name_and_seed():
    weights = {name: torch.zeros(100, 100) for name in ('a', 'b')}
    score = RandomScore()(weights, seed=4)
    for worth in score.values():
        assert worth.min() >= 0 and worth.max() < 1
        assert abs(float(worth.mean()) - 0.5) < 0.012  # 4 standard errors
        assert abs(float(worth.var()) - 1 / 12) < 0.003
    draws = [score['a'], score['b'], RandomScore()(weights, seed=5)['a']]
    flat = torch.stack([d.reshape(-1) for d in draws])
    assert torch.corrcoef(flat).fill_diagonal_(0).abs().max() < 0.04


def test_not_the_numbers_that_weights_are_drawn_from():
    drawn = draw_weight(torch.Size([100, 100]), 'kaiming_uniform', 3, 'a')
    score = RandomScore()({'a': drawn}, seed=3)['a']
    both = torch.stack([drawn.reshape(-1).double(), score.reshape(-1)])
    assert torch.corrcoef(both)[0, 1].abs() < 0.04


def test_values_do_not_matter():
    weights = {'a': torch.randn(5, 4)}
    score = RandomScore()(weights, seed=1)['a']
    assert torch.equal(score, RandomScore()({'a': torch.zeros(5, 4)}, seed=1)['a'])
