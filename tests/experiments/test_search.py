import itertools
import math
from concurrent.futures import ThreadPoolExecutor

import pytest

from graphsparse.engine import InputError
from graphsparse.experiments import search as module
from graphsparse.experiments.search import Trials, climb, find_best
from graphsparse.experiments.space import Axis

AXES = [Axis('a', (1, 2, 3)), Axis('b', (1, 2)), Axis('c', (1, 2, 3, 4))]
AWAY = {'a': 0, 'b': 0, 'c': 0}  # no value among its candidates


def separable(config):
    return -((config['a'] - 2) ** 2) - (config['b'] - 2) ** 2 - (config['c'] - 3) ** 2


class Toy:
    """Counts what is asked of it, and dies after so many."""

    def __init__(self, score=separable, dies_after=math.inf):
        self.asked, self.score, self.dies_after = [], score, dies_after

    def __call__(self, config):
        if len(self.asked) >= self.dies_after:
            raise KeyboardInterrupt
        self.asked.append(dict(config))
        return self.score(config)

    def all(self, configs):
        return [self(config) for config in configs]


@pytest.fixture
def storage(tmp_path):
    pytest.importorskip('optuna')
    return str(tmp_path / 'study.db')


def test_what_adds_up_is_solved_in_the_sum_of_the_sizes():
    toy = Toy()
    best = climb(AXES, AWAY, toy.all)
    grid = itertools.product(*(axis.values for axis in AXES))
    assert best == max(
        (dict(zip('abc', values, strict=True)) for values in grid), key=separable
    )
    assert len(toy.asked) == 3 + 2 + 4
    assert toy.asked[0] == {'a': 1, 'b': 0, 'c': 0}
    assert toy.asked[-1] == {'a': 2, 'b': 2, 'c': 4}


def test_what_interacts_need_not_be():
    worth = {(1, 1): 1.0, (2, 2): 5.0}
    toy = Toy(lambda config: worth.get((config['a'], config['b']), 0.0))
    axes = [Axis('a', (1, 2)), Axis('b', (1, 2))]
    assert climb(axes, {'a': 1, 'b': 1}, toy.all) == {'a': 1, 'b': 1}


def test_equal_scores_keep_the_earlier_candidate():
    assert climb(AXES, AWAY, Toy(lambda config: 0.0).all) == {'a': 1, 'b': 1, 'c': 1}
    axes = [Axis('a', (3, 1, 2))]
    assert climb(axes, AWAY, Toy(lambda c: -(c['a'] == 3)).all)['a'] == 1


def test_an_option_that_does_not_matter_stays():
    axes = [Axis('a', (1, 2)), Axis('b', (1, 2), when={'a': 1})]
    assert climb(axes, AWAY, Toy().all) == {**AWAY, 'a': 2}
    assert climb(axes, AWAY, Toy(lambda c: c['b'] - c['a']).all)['b'] == 2


def test_so_many_and_no_more(storage):
    toy = Toy()
    found = find_best(AXES, AWAY, Trials(toy, storage, 'x'), most=4)
    assert found.best == {'a': 2, 'b': 1, 'c': 0} and len(toy.asked) == 4
    whole = find_best(AXES, AWAY, Trials(toy, storage, 'x'))
    assert whole.best == {'a': 2, 'b': 2, 'c': 3} and len(toy.asked) == 9


def test_a_configuration_met_again_is_not_evaluated_again(storage):
    toy = Toy()
    found = find_best(AXES, {'a': 1, 'b': 1, 'c': 1}, Trials(toy, storage, 'x'))
    assert found.best == {'a': 2, 'b': 2, 'c': 3}
    assert len(toy.asked) == len(found.tried) == 9 - 2
    assert [config for config, _ in found.tried] == toy.asked


@pytest.mark.parametrize('search', ['greedy', 'tpe', 'random'])
def test_killed_it_goes_on_to_the_same(storage, search):
    axes = [*AXES[:2], Axis('c', low=0.0, high=4.0)] if search != 'greedy' else AXES
    most = 13 if search == 'tpe' else 6  # beyond what is drawn at random at first
    whole = Toy()
    expected = find_best(axes, AWAY, Trials(whole, storage, 'whole'), search, most)
    first = Toy(dies_after=most // 2)
    with pytest.raises(KeyboardInterrupt):
        find_best(axes, AWAY, Trials(first, storage, 'cut'), search, most)
    rest = Toy()
    found = find_best(axes, AWAY, Trials(rest, storage, 'cut'), search, most)
    assert found == expected
    assert first.asked + rest.asked == whole.asked and len(first.asked) == most // 2
    again = Toy()
    assert find_best(axes, AWAY, Trials(again, storage, 'cut'), search, most) == found
    assert again.asked == []


def test_several_at_once_find_the_same(storage):
    alone, together = Toy(), Toy()
    expected = find_best(AXES, AWAY, Trials(alone, storage, 'one'))
    with ThreadPoolExecutor(2) as pool:
        found = find_best(AXES, AWAY, Trials(together, storage, 'two', pool, 2))
        assert found == expected
        drawn = find_best(AXES, AWAY, Trials(Toy(), storage, 'r2', pool, 2), 'random')
    assert drawn == find_best(AXES, AWAY, Trials(Toy(), storage, 'r1'), 'random')
    assert sorted(map(str, together.asked)) == sorted(map(str, alone.asked))


def test_samplers_draw_what_the_space_allows(storage):
    axes = [
        Axis('a', (1, 2)),
        Axis('b', low=2, high=64, log=True, when={'a': 1}),
        Axis('c', low=0.5, high=1.5),
    ]
    toy = Toy(lambda config: config['c'])
    found = find_best(axes, AWAY, Trials(toy, storage, 'x'), 'random', 8, seed=1)
    assert len(found.tried) == len(toy.asked) == 8
    for config in toy.asked:
        assert 0.5 <= config['c'] <= 1.5
        assert (config['b'] == 0) == (config['a'] == 2)
        assert isinstance(config['b'], int) and config['b'] <= 64
    assert found.best['c'] == max(config['c'] for config in toy.asked)
    other = Toy(lambda config: config['c'])
    find_best(axes, AWAY, Trials(other, storage, 'y'), 'random', 2, seed=2)
    assert other.asked != toy.asked[:2]


def test_what_is_no_number_is_worst(storage):
    toy = Toy(lambda config: math.nan if config['a'] == 1 else -1.0)
    assert find_best(AXES[:1], AWAY, Trials(toy, storage, 'x')).best['a'] == 2
    assert find_best(AXES[:1], AWAY, Trials(toy, storage, 'x')).best['a'] == 2
    assert len(toy.asked) == 3


def test_what_is_refused_before_anything_runs(tmp_path, monkeypatch):
    toy = Toy()
    trials = Trials(toy, str(tmp_path / 'new' / 'study.db'), 'x')
    with pytest.raises(InputError, match=r"search 'greedi'\. Did you mean 'greedy'"):
        find_best(AXES, AWAY, trials, 'greedi')
    with pytest.raises(InputError, match='trials is 0'):
        find_best(AXES, AWAY, trials, most=0)
    with pytest.raises(InputError, match='a is a range'):
        find_best([Axis('a', low=0, high=1)], AWAY, trials)
    monkeypatch.setitem(__import__('sys').modules, 'optuna', None)
    with pytest.raises(InputError, match=r"pip install 'graphsparse\[hpo\]'"):
        module.find_best(AXES, AWAY, trials)
    assert toy.asked == [] and not list(tmp_path.iterdir())
