import hashlib
import os
import socket
from pathlib import Path

import numpy as np
import pytest

from graphsparse.data import cards
from graphsparse.data.cards import Counts, DatasetCard, RawFile


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    folder = tmp_path / 'cache'
    monkeypatch.setenv('GRAPHSPARSE_CACHE', str(folder))
    return folder


@pytest.fixture
def real_root():
    root = os.environ.get('GRAPHSPARSE_DATA')
    if not root:
        pytest.skip('GRAPHSPARSE_DATA names no folder of raw files')
    return Path(root)


@pytest.fixture
def no_root(monkeypatch):
    monkeypatch.delenv('GRAPHSPARSE_DATA', raising=False)


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError(f'the network was tried: {args}')

    monkeypatch.setattr('urllib.request.urlopen', refuse)
    monkeypatch.setattr('graphsparse.data.raw.urlopen', refuse)
    monkeypatch.setattr(socket.socket, 'connect', refuse)


def ring_arrays(nodes=40):
    """The arrays of a heterophilous npz: a ring, one-hot labels, three splits."""
    place = np.arange(nodes)
    fold = (place + np.arange(3)[:, None]) % 4
    return {
        'node_features': np.eye(nodes, 6, dtype=np.float32) * 3,
        'node_labels': place % 2,
        'edges': np.stack([place, (place + 1) % nodes], axis=1),
        'train_masks': fold < 2,
        'val_masks': fold == 2,
        'test_masks': fold == 3,
    }


def ring_card(path, url=None, **changes):
    """A card whose one raw file is at ``path``, for PyG's loader of that format."""
    content = path.read_bytes()
    file = RawFile(
        path='ring/minesweeper/raw/minesweeper.npz',
        url=url or path.as_uri(),
        sha256=hashlib.sha256(content).hexdigest(),
        bytes=len(content),
    )
    facts = {
        'name': 'ring',
        'title': 'Ring',
        'loader': 'HeterophilousGraphDataset',
        'kwargs': {'name': 'Minesweeper'},
        'root': 'ring',
        'files': (file,),
        'licence': 'unknown',
        'counts': Counts(nodes=40, arcs=80, features=6, classes=2),
        'directed': False,
        'split': {'kind': 'public-3'},
        'normalize_features': False,
        'citation': 'Nobody. A Ring. 2000.',
    }
    return DatasetCard(**{**facts, **changes})


@pytest.fixture
def ring(tmp_path):
    """A card, and the raw file it tells of, under another name."""
    path = tmp_path / 'served.npz'
    np.savez(path, **ring_arrays())
    return ring_card(path)


@pytest.fixture
def served(tmp_path):
    return tmp_path / 'served.npz'


@pytest.fixture
def lay_out(tmp_path, served):
    """Put the raw file of a card below a data root."""

    def copy(card, root=None):
        root = root or tmp_path / 'root'
        for file in card.files:
            (root / file.path).parent.mkdir(parents=True, exist_ok=True)
            (root / file.path).write_bytes(served.read_bytes())
        return root

    return copy


@pytest.fixture
def add_card(tmp_path, monkeypatch):
    """Let a folder of one's own, with the text of some cards, be the card folder."""
    folder = tmp_path / 'cards'
    folder.mkdir()
    monkeypatch.setattr(cards, 'card_folder', lambda: folder)
    return lambda name, text: (folder / f'{name}.json').write_text(text)
