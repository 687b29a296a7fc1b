from itertools import pairwise

import pytest
import torch
from scipy.stats import chisquare

from graphsparse.kernels import random_walk
from tests.helpers import csr_of, random_graph

# 0 -> 1, 2, 3 with weights 1, 0, 3; 1 -> 0; 2 -> 2; 3 leads nowhere.
ROWPTR = torch.tensor([0, 3, 4, 5, 5])
COL = torch.tensor([1, 2, 3, 0, 2])
WEIGHT = torch.tensor([1.0, 0, 3, 2, 0])


@pytest.mark.parametrize('index', [torch.int32, torch.int64])
def test_each_step_goes_along_a_row(index, both):
    rowptr, col = csr_of(random_graph(40, 60, undirected=False), 40, index)
    start = torch.arange(40).repeat(3)
    native, reference = both(random_walk, rowptr, col, start, 6, seed=2)
    assert torch.equal(native, reference)
    assert native.shape == (120, 7)
    assert native.dtype == torch.int64
    assert torch.equal(native[:, 0], start)
    ways = [set(part.tolist()) for part in col.split(rowptr.diff().tolist())]
    for walk in native.tolist():
        for here, there in pairwise(walk):
            assert there in (ways[here] or {here})


def test_a_walk_stays_where_no_way_leads_out():
    assert random_walk(ROWPTR, COL, torch.tensor([3, 2]), 3, seed=0).tolist() == [
        [3] * 4,
        [2] * 4,
    ]
    walks = random_walk(ROWPTR, COL, torch.tensor([2, 1]), 1, seed=0, weight=WEIGHT)
    assert walks.tolist() == [[2, 2], [1, 0]]


@pytest.mark.parametrize(
    ('weight', 'shares'), [(None, [1 / 3, 1 / 3, 1 / 3]), (WEIGHT, [0.25, 0, 0.75])]
)
def test_steps_are_taken_with_the_right_frequency(weight, shares, both):
    start = torch.ones(6000, dtype=torch.int64)
    walks = random_walk(ROWPTR, COL, start, 2, seed=1, weight=weight)
    seen = torch.bincount(walks[:, 2], minlength=4)[1:].double()
    expected = 6000 * torch.tensor(shares, dtype=torch.float64)
    there = expected > 0
    assert (seen[~there] == 0).all()
    assert chisquare(seen[there], expected[there]).pvalue > 0.01
    few = both(random_walk, ROWPTR, COL, start[:50], 5, seed=1, weight=weight)
    assert torch.equal(*few)


def test_a_walk_depends_on_its_own_number_alone(compiled, any_thread):
    rowptr, col = csr_of(random_graph(500, 4000), 500)
    start = torch.arange(500)
    torch.set_num_threads(2)
    walks = random_walk(rowptr, col, start, 5, seed=4)
    torch.set_num_threads(1)
    assert torch.equal(random_walk(rowptr, col, start, 5, seed=4), walks)
    assert torch.equal(random_walk(rowptr, col, start[:7], 3, seed=4), walks[:7, :4])
    assert not torch.equal(random_walk(rowptr, col, start, 5, seed=5), walks)
    same = random_walk(rowptr, col, torch.full((50,), 9), 1, seed=4)
    assert same[:, 1].unique().numel() > 5


def test_each_step_is_a_draw_of_its_own():
    rowptr, col = torch.arange(0, 101, 10), torch.arange(10).repeat(10)
    walks = random_walk(rowptr, col, torch.arange(10).repeat(20), 3, seed=0)
    assert (walks[:, 1:].diff() == 0).double().mean() < 0.2


def test_no_steps_and_no_walks():
    assert random_walk(ROWPTR, COL, torch.tensor([1]), 0, seed=0).tolist() == [[1]]
    nobody = torch.tensor([], dtype=torch.int64)
    assert random_walk(ROWPTR, COL, nobody, 2, seed=0).shape == (0, 3)


def test_bad_input_is_refused():
    with pytest.raises(ValueError, match=r'start has to hold .* 0 to 3 .got 4'):
        random_walk(ROWPTR, COL, torch.tensor([0, 4]), 2, seed=0)
    with pytest.raises(ValueError, match=r'length has to be at least 0 .got -1'):
        random_walk(ROWPTR, COL, torch.tensor([0]), -1, seed=0)
    with pytest.raises(ValueError, match=r'at least 0.*got -1.0 in row 0'):
        random_walk(ROWPTR, COL, torch.tensor([0]), 2, seed=0, weight=-WEIGHT)
    with pytest.raises(ValueError, match='got 4'):
        random_walk(ROWPTR, COL + 4, torch.tensor([1]), 2, seed=0)
