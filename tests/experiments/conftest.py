"""Tables of a graph whose nodes have names."""

import pytest

from graphsparse.data import csbm


@pytest.fixture(scope='module')
def blocks():
    return csbm(60, 2, degree=10.0, homophily=0.95, signal=3.0, seed=0)


@pytest.fixture
def edges(blocks):
    """A row an arc, from 'n0' to 'n5'."""
    pandas = pytest.importorskip('pandas')
    table = pandas.DataFrame(blocks.edge_index.t().numpy(), columns=['from', 'to'])
    return 'n' + table.astype(str)


@pytest.fixture
def nodes(blocks):
    """A row a node, in another order than the graph's."""
    pandas = pytest.importorskip('pandas')
    table = pandas.DataFrame(blocks.x.numpy())
    return table.assign(name=[f'n{i}' for i in range(60)]).sample(
        frac=1, random_state=0
    )
