import pytest
import torch

from graphsparse import FittedLinks
from graphsparse.engine import InputError, save_tensors
from graphsparse.experiments import LinkPredictor
from graphsparse.training import Training

pandas = pytest.importorskip('pandas')

ENDS = {'source': 'from', 'target': 'to'}


def test_scores_are_written_as_parquet_and_as_csv(edges, nodes, tmp_path, monkeypatch):
    found = LinkPredictor(training=Training(epochs=1), hidden_channels=4).fit(
        edges, nodes, **ENDS, key='name'
    )
    pairs = pandas.DataFrame({'from': ['n0', 'n1'], 'to': ['n2', 'n3'], 'id': [7, 8]})
    files = tmp_path / 'scores.parquet', tmp_path / 'scores.csv'
    table = found.score(pairs, out=files[0])
    found.score(pairs, out=files[1])
    pandas.testing.assert_frame_equal(pandas.read_parquet(files[0]), table)
    again = pandas.read_csv(files[1])
    assert list(again) == list(table) and list(again['id']) == list(table['id'])

    def missing(*_, **__):
        raise ImportError('no engine')

    monkeypatch.setattr(pandas.DataFrame, 'to_parquet', missing)
    with pytest.raises(InputError, match=r'other\.parquet: Parquet needs pyarrow'):
        found.score(pairs, out=tmp_path / 'other.parquet')
    assert sorted(tmp_path.iterdir()) == sorted(files)


def test_pairs_of_nobody_and_files_of_another_kind(edges, nodes, tmp_path):
    found = LinkPredictor(training=Training(epochs=1), hidden_channels=4).fit(
        edges, nodes, **ENDS, key='name'
    )
    pairs = pandas.DataFrame({'from': ['n0'], 'to': ['zebra']})
    with pytest.raises(
        InputError, match="pairs names 1 unknown nodes in 'to': 'zebra'"
    ):
        found.score(pairs)
    with pytest.raises(InputError, match=r'\.csv or \.parquet'):
        found.score(pairs, out=tmp_path / 'scores.xlsx')


@pytest.mark.parametrize(
    'options',
    [
        {},
        {'model': 'gat', 'decoder': 'ncn'},
        {'model': 'mf', 'decoder': 'dot'},
        {'ticket': 'one_shot', 'graph_sparsity': 0.3, 'weight_sparsity': 0.4},
    ],
    ids=['sage', 'ncn', 'mf', 'ticket'],
)
@pytest.mark.parametrize('keys', ['texts', 'numbers'])
def test_what_was_saved_scores_alike(edges, nodes, options, keys, tmp_path):
    if keys == 'numbers':
        edges = edges.apply(lambda ends: ends.str[1:].astype(int))
        nodes = nodes.assign(name=range(60))
    else:
        edges, nodes = edges.replace('n7', 'é 7'), nodes.replace('n7', 'é 7')
    predictor = LinkPredictor(hidden_channels=4, training=Training(epochs=2), **options)
    found = predictor.fit(edges, nodes, **ENDS, key='name')
    found.save(tmp_path / 'links.safetensors')
    torch.manual_seed(1)
    again = FittedLinks.load(tmp_path / 'links.safetensors')
    pairs = edges.iloc[:9].drop_duplicates()
    pandas.testing.assert_frame_equal(again.score(pairs), found.score(pairs))
    assert (again.scores, again.columns) == (found.scores, found.columns)
    assert again.protocol == found.protocol
    assert again.index.equals(found.index)


def test_learned_features_are_saved_too(edges, tmp_path):
    found = LinkPredictor(hidden_channels=4, training=Training(epochs=2)).fit(
        edges, **ENDS
    )
    found.save(tmp_path / 'links.safetensors')
    again = FittedLinks.load(tmp_path / 'links.safetensors')
    pairs = edges.iloc[:5]
    pandas.testing.assert_frame_equal(again.score(pairs), found.score(pairs))


def test_other_files_and_other_keys(edges, tmp_path):
    with pytest.raises(InputError, match='no file'):
        FittedLinks.load(tmp_path / 'none.safetensors')
    save_tensors(tmp_path / 'a.safetensors', {'a': torch.ones(1)}, {'kind': 'ticket'})
    with pytest.raises(InputError, match='holds a ticket, not fitted-links'):
        FittedLinks.load(tmp_path / 'a.safetensors')
    halves = edges.apply(lambda ends: ends.str[1:].astype(float) + 0.5)
    found = LinkPredictor(hidden_channels=4, training=Training(epochs=1)).fit(
        halves, **ENDS
    )
    with pytest.raises(InputError, match=r'or all are whole numbers \(got \d+\.5'):
        found.save(tmp_path / 'b.safetensors')
    assert not (tmp_path / 'b.safetensors').exists()
