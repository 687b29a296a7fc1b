import pytest
import torch

from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.random import RandomScore
from tests.helpers import random_graph


@pytest.fixture
def adj():
    return to_adjacency(random_graph(100, 2000), 100)


def test_uniform_numbers_of_the_seed(adj):
    score = RandomScore()(adj, seed=3)
    assert torch.equal(score, RandomScore()(adj, seed=3))
    assert not torch.equal(score, RandomScore()(adj, seed=4))
    assert 0 <= score.min() < 0.01
    assert 0.99 < score.max() < 1
    assert abs(float(score.mean()) - 0.5) < 4 * (1 / 12 / 2000) ** 0.5
    assert score.unique().numel() == 2000


def test_the_global_state_is_left_alone(adj):
    state = torch.get_rng_state()
    score = RandomScore()(adj)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(99)
    assert torch.equal(RandomScore()(adj), score)


def test_any_edge_may_go(adj):
    gone = torch.zeros(2000)
    for seed in range(100):
        gone += ~select_edges(adj, RandomScore()(adj, seed=seed), sparsity=0.2)
    assert gone.min() >= 2
    assert gone.max() <= 45
