from collections import Counter
from itertools import combinations, permutations

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from graphsparse.kernels.draw import draw, locate_nodes, number_nodes

TRIALS = 20_000


def outcomes(fanout, degree, weight=None, replace=False):
    """What ``TRIALS`` streams draw from one row, as tuples of places."""
    node = torch.zeros(TRIALS, dtype=torch.int64)
    rowptr, col = torch.tensor([0, degree]), torch.arange(degree)
    stream = torch.arange(TRIALS)
    drawn = draw(
        rowptr,
        col,
        node,
        fanout,
        seed=5,
        stream=stream,
        weight=weight,
        replace=replace,
    )
    return [tuple(row) for row in drawn.slot.view(TRIALS, -1).tolist()]


def fits(seen, expected):
    """Whether counts go with probabilities, by a chi-square test."""
    counts = Counter(seen)
    assert set(counts) <= set(expected)
    observed = [counts[outcome] for outcome in expected]
    return chisquare(observed, TRIALS * np.array([*expected.values()])).pvalue > 0.01


def test_every_set_is_as_likely_without_replacement():
    sets = list(combinations(range(6), 3))
    seen = [tuple(sorted(row)) for row in outcomes(3, 6)]
    assert fits(seen, dict.fromkeys(sets, 1 / len(sets)))


def test_every_place_is_as_likely_with_replacement():
    pairs = [(a, b) for a in range(4) for b in range(4)]
    assert fits(outcomes(2, 4, replace=True), dict.fromkeys(pairs, 1 / 16))


@pytest.mark.parametrize('dtype', [torch.float32, torch.float64])
@pytest.mark.parametrize('values', [(1, 2, 3, 4), (64, 1, 8, 1)])
def test_weighted_draws_follow_what_is_left(values, dtype):
    weight = torch.tensor([0, *values, 0], dtype=dtype)
    exact = {}
    for order in permutations(range(len(values)), 3):
        left, chance = float(sum(values)), 1.0
        for place in order:
            chance *= values[place] / left
            left -= values[place]
        exact[tuple(place + 1 for place in order)] = chance
    assert sum(exact.values()) == pytest.approx(1)
    assert fits(outcomes(3, 6, weight), exact)


def test_weighted_draws_with_replacement():
    share = np.array([0.1, 0.2, 0.7])
    weight = torch.tensor([1.0, 0, 2, 7])
    places = [0, 2, 3]
    exact = {
        (places[a], places[b]): share[a] * share[b] for a in range(3) for b in range(3)
    }
    assert fits(outcomes(2, 4, weight, replace=True), exact)


@pytest.mark.parametrize('values', [[1e300, 1e-300, 0, 1e-300, 1], [5e-324] * 4 + [0]])
@pytest.mark.parametrize('replace', [False, True])
def test_extreme_weights_come_to_an_end(values, replace, both):
    weight = torch.tensor(values, dtype=torch.float64)
    native, reference = both(outcomes_few, weight, replace)
    assert torch.equal(native.slot, reference.slot)
    assert (weight[native.slot] > 0).all()
    rows = native.slot.view(-1, 3).tolist()
    assert replace or all(len(set(row)) == 3 for row in rows)


def outcomes_few(weight, replace):
    node = torch.zeros(50, dtype=torch.int64)
    rowptr, col = torch.tensor([0, weight.numel()]), torch.arange(weight.numel())
    stream = torch.arange(50)
    return draw(rowptr, col, node, 3, stream=stream, weight=weight, replace=replace)


def test_half_precision_weights_run_on_the_reference():
    weight = torch.tensor([0.5, 0, 1.5, 2]).half()
    rowptr, col, node = torch.tensor([0, 4]), torch.arange(4), torch.tensor([0])
    half = draw(rowptr, col, node, 2, weight=weight)
    assert torch.equal(
        half.slot, draw(rowptr, col, node, 2, weight=weight.float()).slot
    )


def test_slots_beyond_two_to_the_31(tmp_path, both):
    begin = 2**31 + 10
    shape = (begin + 40,)
    col = np.memmap(tmp_path / 'col', np.int32, 'w+', shape=shape)  # a sparse file
    col[begin:] = range(40)
    rowptr, col = torch.tensor([0, begin, begin + 40]), torch.from_numpy(col)
    for fanout, replace in ((7, False), (7, True), (-1, False)):
        node = torch.tensor([1])
        native, reference = both(draw, rowptr, col, node, fanout, replace=replace)
        assert torch.equal(native.slot, reference.slot)
        assert torch.equal(native.slot - begin, native.found)
        assert (native.slot >= begin).all()
    far = draw(rowptr, col, torch.tensor([0]), 64, replace=True)
    assert far.slot.max() > 2**30


def test_numbers_in_the_order_of_discovery(both):
    known, found = torch.tensor([7, 3, 7]), torch.tensor([9, 3, 0, 9, 7, 8])
    for num_nodes in (10, 10**12):  # by the node itself, and by its hash
        for number, fresh in both(number_nodes, known, found, num_nodes):
            assert number.tolist() == [3, 1, 4, 3, 0, 5]
            assert fresh.tolist() == [9, 0, 8]
        for place in both(locate_nodes, known, found, num_nodes):
            assert place.tolist() == [-1, 1, -1, -1, 0, -1]


@pytest.mark.parametrize('num_nodes', [3000, 10**12])
def test_many_nodes_are_numbered_apart(num_nodes, both):
    rng = np.random.default_rng(0)
    ids = np.linspace(0, num_nodes - 1, 3000).astype(np.int64)  # regular: they collide
    known = torch.as_tensor(rng.choice(ids, 500, replace=False))
    found = torch.as_tensor(rng.choice(ids, 5000))
    native, reference = both(number_nodes, known, found, num_nodes)
    assert torch.equal(native[0], reference[0])
    assert torch.equal(native[1], reference[1])
    assert torch.equal(torch.cat([known, native[1]])[native[0]], found)
    assert torch.equal(*both(locate_nodes, known, found, num_nodes))


@pytest.mark.parametrize('number', [number_nodes, locate_nodes])
def test_a_column_out_of_range_is_refused(number):
    with pytest.raises(ValueError, match=r'the same 4 nodes .* .got column 4'):
        number(torch.tensor([0]), torch.tensor([1, 4, 2]), 4)
