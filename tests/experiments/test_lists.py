import pytest

from graphsparse.experiments.lists import Names, Numbers


def test_between_commas():
    assert Numbers.parse('0.2,0.4') == (0.2, 0.4)
    assert Numbers.parse('0.3') == Numbers.parse(0.3) == (0.3,)
    assert Numbers.parse([0.1, 1]) == (0.1, 1.0)
    assert Names.parse('teddy, random') == ('teddy', 'random')
    assert Names.parse('') == ()
    with pytest.raises(ValueError, match='x'):
        Numbers.parse('0.1,x')
