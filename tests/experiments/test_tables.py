import pytest

from graphsparse.engine import InputError
from graphsparse.experiments.tables import find_nodes, find_shared, read_nodes

pandas = pytest.importorskip('pandas')

INDEX = pandas.Index(['a', 'b', 'c'])
ENDS = 'one', 'two'


def table(*rows):
    return pandas.DataFrame(map(list, rows), columns=ENDS)


def test_numbers_of_named_nodes():
    assert find_nodes(INDEX, table('ab', 'ca'), ENDS, 'edges').tolist() == [
        [0, 2],
        [1, 0],
    ]
    with pytest.raises(InputError, match="edges names 1 unknown nodes in 'two': 'x'"):
        find_nodes(INDEX, table('ab', 'cx'), ENDS, 'edges')
    with pytest.raises(InputError, match='edges is empty'):
        find_nodes(INDEX, table(), ENDS, 'edges')


def test_rows_of_which_both_ends_are_known():
    rows = table('ab', 'xa', 'cx', 'cb', 'xy')
    assert find_shared(INDEX, rows, ENDS, 'denser').tolist() == [[0, 2], [1, 1]]
    with pytest.raises(InputError, match=r"no two .* 'x', 'c', known are 'a'"):
        find_shared(INDEX, table('xa', 'cx'), ENDS, 'denser')


def test_nodes_keep_their_order():
    nodes = pandas.DataFrame({'age': [3, 1], 'name': ['b', 'a'], 'size': [0.5, 2.0]})
    index, x = read_nodes(nodes, 'name')
    assert index.tolist() == ['b', 'a']
    assert x.tolist() == [[3, 0.5], [1, 2]]
