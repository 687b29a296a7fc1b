import gc
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass

import pytest

from graphsparse.engine import InputError, find, name_of, resolve
from graphsparse.pruning import EdgeScore


@dataclass(frozen=True)
class Shape(ABC):
    size: float = 1.0

    def __post_init__(self):
        if self.size < 0:
            raise InputError(f'size is {self.size}')

    @abstractmethod
    def area(self):
        """To be had."""


class RoundShape(Shape, ABC):
    """Abstract still: nobody can ask for it."""


@dataclass(frozen=True)
class HTTPDiscShape(RoundShape):
    def area(self):
        return 3 * self.size


@dataclass(frozen=True)
class WideBoxShape(Shape):
    height: float = 2.0

    def area(self):
        return self.size * self.height


@pytest.fixture
def sweep():
    """Classes that a test has made go with it."""
    yield
    gc.collect()


@pytest.mark.parametrize(
    ('cls', 'name'),
    [
        ('TeddyScore', 'teddy'),
        ('LocalDegreeScore', 'local_degree'),
        ('Score', 'score'),
        ('SNIPScore', 'snip'),
        ('Katz2Score', 'katz2'),
        ('ScoreOfMine', 'score_of_mine'),
    ],
)
def test_names_are_snake_case_without_the_bases_last_word(cls, name):
    assert name_of(type(cls, (), {}), EdgeScore) == name


def test_concrete_subclasses_of_any_depth_sorted():
    assert find(Shape) == {'http_disc': HTTPDiscShape, 'wide_box': WideBoxShape}
    assert list(find(EdgeScore)) == sorted(find(EdgeScore))
    assert {'degree', 'random', 'teddy'} <= find(EdgeScore).keys()


def test_a_class_is_known_as_soon_as_it_is_defined_and_gone_with_it(sweep):
    class PlugInScore(EdgeScore):
        def score(self, adj, x, seed):
            return adj.degree().double()

    assert find(EdgeScore)['plug_in'] is PlugInScore
    assert isinstance(resolve(EdgeScore, 'plug-in'), PlugInScore)
    del PlugInScore
    gc.collect()
    assert 'plug_in' not in find(EdgeScore)


def test_of_two_with_one_name_the_later_is_meant(sweep):
    made = []
    for _ in range(2):  # a notebook cell run twice

        class TwiceShape(Shape):
            def area(self):
                return 0

        made.append(TwiceShape)
    assert find(Shape)['twice'] is made[1]
    made.clear()
    del TwiceShape


def test_modules_beside_the_base_are_imported(tmp_path, monkeypatch):
    folder = tmp_path / 'beside_pkg'
    folder.mkdir()
    (folder / '__init__.py').write_text('')
    (folder / 'base.py').write_text('class Tool: ...')
    text = 'from beside_pkg.base import Tool\nclass SawTool(Tool): ...'
    (folder / 'saw.py').write_text(text)
    monkeypatch.syspath_prepend(tmp_path)
    from beside_pkg.base import Tool

    assert list(find(Tool)) == ['saw']
    for name in [n for n in sys.modules if n.startswith('beside_pkg')]:
        del sys.modules[name]


def test_plug_ins_of_the_axis_are_loaded(sweep, monkeypatch):
    made = []

    class Plugin:
        def load(self):
            class FromAfarScore(EdgeScore):
                def score(self, adj, x, seed):
                    return adj.degree().double()

            made.append(FromAfarScore)

    def entry_points(group):
        return [Plugin()] if group == 'graphsparse.edges' else []

    # The function of that name hides the module.
    module = sys.modules['graphsparse.engine.find']
    monkeypatch.setattr(module, 'entry_points', entry_points)
    assert find(EdgeScore)['from_afar'] is made[0]


def test_made_by_name_class_or_left_as_it_is():
    assert resolve(Shape, 'wide_box', height=3.0) == WideBoxShape(height=3.0)
    assert resolve(Shape, 'Wide-Box') == WideBoxShape()
    assert resolve(Shape, WideBoxShape, size=2.0) == WideBoxShape(2.0)
    box = WideBoxShape(5.0)
    assert resolve(Shape, box) is box


def test_an_unknown_name_gets_the_nearest_ones():
    with pytest.raises(InputError) as error:
        resolve(EdgeScore, 'tedy')
    assert "edge score 'tedy'" in str(error.value)
    assert "Did you mean 'teddy'?" in str(error.value)
    assert 'cosine, degree, ' in str(error.value)
    with pytest.raises(InputError) as error:
        resolve(Shape, 'qqqqqqqq')
    assert 'Did you mean' not in str(error.value)
    with pytest.raises(InputError, match='Unknown shape None'):
        resolve(Shape, None)


def test_options_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"WideBoxShape cannot take \{'depth': 1\}"):
        resolve(Shape, 'wide_box', depth=1)
    with pytest.raises(InputError, match=r'size is -1'):
        resolve(Shape, 'wide_box', size=-1)
    with pytest.raises(InputError, match=r"made already, options \{'size': 2\}"):
        resolve(Shape, WideBoxShape(), size=2)
    with pytest.raises(InputError, match='RoundShape cannot take'):
        resolve(Shape, RoundShape)
