import dataclasses
import io
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch

from graphsparse.data import process
from graphsparse.data.cards import Counts
from graphsparse.data.process import load_graph, processed_path
from graphsparse.engine import InputError

from .conftest import ring_arrays, ring_card


def assert_same(left, right):
    assert left.keys() == right.keys()
    for key, value in left.items():
        assert value.dtype == right[key].dtype
        assert torch.equal(value, right[key]), key


def test_tensors_are_those_of_the_raw_file(ring, lay_out, no_network):
    data = load_graph(ring, lay_out(ring))
    arrays = ring_arrays()
    assert torch.equal(data.x, torch.from_numpy(arrays['node_features']))
    assert torch.equal(data.y, torch.from_numpy(arrays['node_labels']))
    assert torch.equal(data.val_mask, torch.from_numpy(arrays['val_masks']).t())
    assert data.edge_index.shape == (2, 80)
    assert data.is_undirected()


def test_second_load_reads_the_cache_alone(ring, lay_out, monkeypatch):
    first = load_graph(ring, lay_out(ring))
    for name in ('process', 'provide_files', '_run_loader'):
        monkeypatch.setattr(process, name, None)
    assert_same(first, load_graph(ring, None))


def test_cache_holds_one_file_and_no_pickle(ring, lay_out, cache):
    load_graph(ring, lay_out(ring))
    kept = [path for path in cache.rglob('*') if path.is_file()]
    assert kept == [processed_path(ring)]
    with pytest.raises(pickle.UnpicklingError):
        pickle.load(io.BytesIO(kept[0].read_bytes()))


def test_spoilt_cache_is_made_anew(ring, lay_out):
    root = lay_out(ring)
    first = load_graph(ring, root)
    path = processed_path(ring)
    path.write_bytes(path.read_bytes()[:100])
    assert_same(first, load_graph(ring, root))
    assert_same(first, load_graph(ring, None))


@pytest.mark.parametrize(
    'changes', [{'normalize_features': True}, {'kwargs': {'name': 'Tolokers'}}]
)
def test_another_card_is_another_file(ring, changes):
    other = dataclasses.replace(ring, **changes)
    assert processed_path(other) != processed_path(ring)
    assert processed_path(dataclasses.replace(ring, title='T')) == processed_path(ring)


def test_another_pyg_is_another_file(ring, monkeypatch):
    before = processed_path(ring)
    monkeypatch.setattr('torch_geometric.__version__', '0.0.1')
    assert processed_path(ring) != before


def test_features_are_normalised_if_the_card_says_so(ring, lay_out):
    card = dataclasses.replace(ring, normalize_features=True)
    assert load_graph(card, lay_out(ring)).x.unique().tolist() == [0, 1]
    assert load_graph(ring, lay_out(ring)).x.unique().tolist() == [0, 3]


@pytest.mark.parametrize('fill', [0.1, 0.9])
def test_features_come_back_bit_for_bit(tmp_path, lay_out, served, fill):
    generator = np.random.default_rng(0)
    x = generator.standard_normal((40, 6)).astype(np.float32)
    x *= generator.random((40, 6)) < fill
    np.savez(served, **{**ring_arrays(), 'node_features': x})
    card = ring_card(served)
    first = load_graph(card, lay_out(card))
    assert torch.equal(first.x, torch.from_numpy(x))
    assert_same(first, load_graph(card, None))
    assert list(load_graph(card, None).keys()) == list(first.keys())


@pytest.mark.parametrize('key', ['nodes', 'arcs', 'features', 'classes'])
def test_counts_are_held_to(ring, lay_out, cache, key):
    wrong = dataclasses.replace(ring.counts, **{key: 99})
    with pytest.raises(
        InputError, match=f"'ring' has .*but its card says.*'{key}': 99"
    ):
        load_graph(dataclasses.replace(ring, counts=wrong), lay_out(ring))
    assert not processed_path(ring).exists()


def test_counts_are_held_to_in_the_cache_too(ring, lay_out, no_network):
    root = lay_out(ring)
    load_graph(ring, root)
    wrong = Counts(nodes=41, arcs=80, features=6, classes=2)
    with pytest.raises(InputError, match="'nodes': 40"):
        load_graph(dataclasses.replace(ring, counts=wrong), root)


@pytest.mark.parametrize('labels', [np.ones((40, 3)), np.linspace(0, 1, 40)])
def test_labels_that_are_no_classes(lay_out, served, labels):
    np.savez(served, **{**ring_arrays(), 'node_labels': labels})
    card = ring_card(served)
    with pytest.raises(InputError, match='only one class a node'):
        load_graph(card, lay_out(card))


def test_labels_in_a_column(lay_out, served):
    arrays = ring_arrays()
    np.savez(served, **{**arrays, 'node_labels': arrays['node_labels'][:, None]})
    card = ring_card(served)
    assert load_graph(card, lay_out(card)).y.shape == (40,)


def test_class_that_wants_more_files_downloads_nothing(ring, lay_out, no_network):
    card = dataclasses.replace(ring, kwargs={'name': 'Questions'})
    with pytest.raises(InputError, match=r'not in the card: .*questions\.npz'):
        load_graph(card, lay_out(ring))


def test_unknown_class(ring, lay_out):
    card = dataclasses.replace(ring, loader='Planetoit')
    with pytest.raises(InputError, match=r"'Planetoit'.*'Planetoid'"):
        load_graph(card, lay_out(ring))


def test_failure_in_the_loader_leaves_nothing(lay_out, served, cache):
    served.write_bytes(b'no npz at all')
    card = ring_card(served)
    with pytest.raises(Exception, match='pickle'):
        load_graph(card, lay_out(card))
    assert [path for path in cache.rglob('*') if path.is_file()] == []
    assert [path.name for path in cache.iterdir() if path.name.startswith('.')] == []


def test_raw_pickle_of_another_hash_is_not_opened(ring, lay_out, served, tmp_path):
    class Trap:
        def __reduce__(self):
            return (open, (str(tmp_path / 'sprung'), 'w'))

    root = lay_out(ring)
    (root / ring.files[0].path).write_bytes(pickle.dumps(Trap()))
    with pytest.raises(InputError, match='is not read'):
        load_graph(ring, root)
    assert not (tmp_path / 'sprung').exists()


def test_two_processes_at_once(real_root, cache):
    code = (
        'from graphsparse.data import load;'
        "data = load('citeseer');"
        'print(data.num_nodes, data.num_edges, float(data.x.sum()))'
    )
    runs = [
        subprocess.Popen(
            [sys.executable, '-c', code],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    results = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    assert [code for _, _, code in results] == [0, 0], results
    # The whole of stdout: what PyG tells while it processes is not in it.
    assert results[0][0] == results[1][0]
    assert results[0][0].startswith('3327 9104 ')
    assert results[0][0].count('\n') == 1
    assert len(list((cache / 'processed').iterdir())) == 1
    assert [path.name for path in cache.iterdir()] == ['processed']
