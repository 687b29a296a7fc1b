import builtins

import numpy as np
import pytest

from graphsparse.engine import InputError
from graphsparse.experiments import LinkPredictor
from graphsparse.training import Training

pandas = pytest.importorskip('pandas')

SMALL = LinkPredictor(
    hidden_channels=8, training=Training(epochs=60, lr=0.02, weight_decay=0.0)
)


ENDS = {'source': 'from', 'target': 'to'}


def test_names_in_scored_pairs_out(edges, nodes, tmp_path):
    found = SMALL.fit(edges, nodes, **ENDS, key='name')
    assert found.scores['auc'].test > 0.7
    assert found.protocol.startswith('train: ')
    pairs = pandas.DataFrame({'from': ['n0', 'n1', 'n2'], 'to': ['n5', 'n9', 'n7']})
    pairs['reason'] = list('abc')
    known = edges.iloc[[3]].assign(reason='d')
    scored = found.score(pandas.concat([pairs, known]), out=tmp_path / 's.csv')
    assert scored['score'].between(0, 1).all()
    assert scored['score'].is_monotonic_decreasing
    told = set(map(tuple, edges.to_numpy().tolist()))
    expected = [pair in told for pair in zip(scored['from'], scored['to'], strict=True)]
    assert scored['known'].tolist() == expected
    assert any(expected)
    assert set(scored['reason']) == set('abcd')
    back = pandas.read_csv(tmp_path / 's.csv')
    assert back['reason'].tolist() == scored['reason'].tolist()
    assert np.allclose(back['score'], scored['score'])
    swapped = pairs.rename(columns={'from': 'to', 'to': 'from'})
    one, two = (found.score(table).sort_values('reason') for table in (pairs, swapped))
    assert np.allclose(one['score'], two['score'])


def test_order_and_repeats_of_edges_change_nothing(edges, nodes):
    other = pandas.concat([edges.iloc[::-1], edges.iloc[:5]])
    scores = [SMALL.fit(e, nodes, **ENDS, key='name').scores for e in (edges, other)]
    assert scores[0] == scores[1]


def test_without_features_on_a_sparse_graph(edges):
    search = LinkPredictor(
        hidden_channels=8,
        training=Training(epochs=3),
        ticket='one_shot',
        graph_sparsity=0.3,
    )
    found = search.fit(edges, **ENDS)
    kept = found.graph.edge_index.size(1)
    held = found.graph.told.size(1) - SMALL.fit(edges, **ENDS).graph.told.size(1)
    assert held == 0
    assert kept < 2 * found.graph.told.size(1)
    assert 0 <= found.scores['mrr'].test <= 1


def test_a_denser_graph_is_learned_from_and_never_asked_for(edges, nodes):
    sparse = edges.sample(frac=0.3, random_state=0)
    elsewhere = pandas.DataFrame({'from': ['n0', 'm1'], 'to': ['m1', 'm2']})
    denser = pandas.concat([elsewhere, edges])
    found = SMALL.fit(sparse, nodes, denser, **ENDS, key='name')
    alone = SMALL.fit(sparse, nodes, **ENDS, key='name')
    assert found.graph.num_edges > 2 * alone.graph.num_edges
    assert found.protocol != alone.protocol
    assert set(found.index) == set(alone.index)
    # What is known are the edges that are predicted, with and without the others.
    own, same = (
        {frozenset(p) for p in of.graph.told.t().tolist()} for of in (found, alone)
    )
    assert own == same and len(own) < len(edges) / 4
    assert found.scores['auc'].test > alone.scores['auc'].test
    # Its own edges over again are no news.
    again = SMALL.fit(sparse, nodes, sparse, **ENDS, key='name')
    assert again.scores == alone.scores


def test_a_denser_graph_of_strangers(edges, nodes):
    with pytest.raises(InputError, match=r"denser links no two .* with 'xn0'.*'n\d+'"):
        SMALL.fit(edges, nodes, 'x' + edges, **ENDS, key='name')
    with pytest.raises(InputError, match="denser has no column 'from'"):
        SMALL.fit(edges, nodes, nodes, **ENDS, key='name')


def spoilt(name, edges, nodes):
    if name == 'twice':
        return edges, pandas.concat([nodes, nodes.iloc[:2]])
    if name == 'unknown':
        return edges, nodes[~nodes['name'].isin(['n3', 'n4'])]
    if name == 'column':
        return edges.rename(columns={'to': 'end'}), nodes
    if name == 'text':
        return edges, nodes.assign(colour='red')
    if name == 'missing':
        return edges, nodes.assign(age=np.nan)
    if name == 'bare':
        return edges, nodes[['name']]
    if name == 'key':
        gone = nodes.copy()
        gone.iloc[0, gone.columns.get_loc('name')] = None
        return edges, gone
    return edges.iloc[:0], nodes


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('twice', r"nodes tells 2 keys again: 'n\d+', 'n\d+'"),
        ('unknown', r"edges names \d+ unknown nodes in 'from': 'n[34]'.*\.\.\."),
        ('column', "edges has no column 'to'"),
        ('text', "in 'colour': make numbers"),
        ('missing', "nodes lacks 60 numbers in 'age'"),
        ('bare', 'no column of numbers beside'),
        ('key', 'nodes has 1 rows without key'),
        ('empty', 'edges is empty'),
    ],
)
def test_bad_tables_get_one_error(edges, nodes, name, message):
    edges, nodes = spoilt(name, edges, nodes)
    with pytest.raises(InputError, match=message):
        SMALL.fit(edges, nodes, **ENDS, key='name')


def test_without_pandas_one_sentence_with_the_command(edges, monkeypatch):
    whole = builtins.__import__

    def refuse(name, *args, **kwargs):
        if name == 'pandas':
            raise ImportError(name)
        return whole(name, *args, **kwargs)

    monkeypatch.setattr(builtins, '__import__', refuse)
    with pytest.raises(InputError, match=r"pip install 'graphsparse\[tables\]'"):
        SMALL.fit(edges)
