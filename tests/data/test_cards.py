import dataclasses
import json

import pytest

from graphsparse.data import DatasetCard, list_datasets
from graphsparse.data.cards import read_card
from graphsparse.engine import InputError

ALL = [
    'actor', 'citeseer', 'cora', 'cornell', 'cornell5', 'cs', 'dblp', 'digits',
    'github', 'minesweeper', 'photo', 'pubmed', 'texas', 'tolokers', 'wisconsin',
]  # fmt: skip


def card_text(**changes):
    facts = {
        'name': 'tiny',
        'title': 'Tiny',
        'loader': 'Amazon',
        'kwargs': {'name': 'Photo'},
        'root': 'amazon',
        'files': [
            {
                'path': 'amazon/Photo/raw/p.npz',
                'url': 'https://example.org/p.npz',
                'sha256': 'a' * 64,
                'bytes': 5,
            }
        ],
        'licence': 'unknown',
        'counts': {'nodes': 4, 'arcs': 2, 'features': 3, 'classes': 2},
        'directed': False,
        'split': {'kind': 'public'},
        'normalize_features': True,
        'citation': 'Nobody 2000.',
    }
    return json.dumps({**facts, **changes})


def file_with(**changes):
    return [{**json.loads(card_text())['files'][0], **changes}]


def test_all_cards_are_listed_in_order():
    assert set(ALL) <= set(list_datasets())
    assert list_datasets() == sorted(list_datasets())


@pytest.mark.parametrize('name', list_datasets())
def test_card_is_whole(name):
    card = read_card(name)
    assert card.name == name
    assert len({file.path for file in card.files}) == len(card.files)
    assert card.citation[-1] == '.'


@pytest.mark.parametrize('name', ['Cora', 'CORA', 'cora'])
def test_case_does_not_matter(name):
    assert read_card(name).name == 'cora'


def test_unknown_name_gives_the_nearest():
    with pytest.raises(InputError, match=r"data set 'corra'.*'cora'.*Known: actor"):
        read_card('corra')


def test_a_json_file_is_all_it_takes(add_card):
    add_card('tiny', card_text())
    assert list_datasets() == ['tiny']
    assert read_card('tiny').counts.features == 3
    assert read_card('tiny').files[0].bytes == 5


@pytest.mark.parametrize(
    ('kind', 'splits'), [('public', 1), ('public-10', 10), ('public-5', 5)]
)
def test_number_of_given_splits(kind, splits):
    assert DatasetCard.from_json(card_text(split={'kind': kind})).num_splits == splits


def test_drawn_splits_are_not_counted():
    split = {'kind': 'random', 'train': 0.5, 'val': 0.25}
    assert DatasetCard.from_json(card_text(split=split)).num_splits == 0


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'title': ''}, 'title'),
        ({'extra': 1}, 'extra'),
        ({'files': []}, '0 files'),
        ({'files': file_with(sha256='abc')}, "sha256 is 'abc'"),
        ({'files': file_with(path='/etc/passwd')}, '/etc/passwd'),
        ({'files': file_with(path='amazon/../../x')}, 'below the data root'),
        ({'files': file_with(path='other/p.npz')}, 'outside root'),
        ({'files': file_with(bytes=0)}, 'bytes is 0'),
        ({'files': file_with(url='p.npz')}, "url is 'p.npz'"),
        ({'counts': {'nodes': 4}}, 'arcs'),
        (
            {'counts': {'nodes': 0, 'arcs': 2, 'features': 3, 'classes': 2}},
            'nodes is 0',
        ),
        ({'directed': 'no'}, "directed is 'no'"),
        ({'split': {'kind': 'half'}}, 'half'),
        ({'split': {'train': 20}}, "'kind' is missing"),
        ({'split': {'kind': 'public-0'}}, 'public-0'),
        ({'split': {'kind': 'per_class', 'train': 20}}, 'per_class'),
        ({'split': {'kind': 'random', 'train': 2, 'val': 0.1}}, 'train is 2'),
        ({'name': 'other'}, "name is 'other'"),
    ],
)
def test_faulty_card_is_refused_and_named(add_card, changes, message):
    add_card('tiny', card_text(**changes))
    with pytest.raises(InputError, match=r'tiny\.json') as error:
        read_card('tiny')
    assert message in str(error.value)


def test_card_that_is_no_json(add_card):
    add_card('tiny', '{"name": ')
    with pytest.raises(InputError, match='is faulty: Expecting value'):
        read_card('tiny')


def test_a_task_there_is_not(ring):
    with pytest.raises(InputError, match="task is 'edge'"):
        dataclasses.replace(ring, task='edge')
