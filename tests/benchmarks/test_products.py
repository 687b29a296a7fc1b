import json

import numpy as np
import pytest

from benchmarks import products
from tests.helpers import arcs_of

NODES = 2000


@pytest.fixture(scope='module')
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp('products')
    products.make_files(folder, NODES)
    return folder


def test_the_graph_is_of_the_size_told(folder):
    adj = products.read_graph(folder)
    pairs = round(products.EDGES * NODES / products.NODES)
    assert adj.undirected
    assert (adj.num_nodes, adj.num_edges, adj.num_loops) == (NODES, pairs, 0)
    arcs = arcs_of(adj.to_edge_index())
    assert len(set(arcs)) == len(arcs)
    assert adj.degree().max() > 5 * adj.degree().double().mean()
    assert np.load(folder / 'col.npy').dtype == np.int32


def test_the_split_is_that_of_products_in_small(folder):
    task = products.read_task(folder)
    sizes = [task.index(name).numel() for name in ('train', 'val', 'test')]
    train, val = (round(n * NODES / products.NODES) for n in (196_615, 39_323))
    assert sizes == [train, val, NODES - train - val]
    assert task.out_channels == 47
    assert task.graph.x.shape == (NODES, 100)


def test_files_that_are_there_stay(folder):
    before = (folder / 'col.npy').stat().st_mtime_ns
    products.make_files(folder, NODES)
    assert (folder / 'col.npy').stat().st_mtime_ns == before


@pytest.mark.parametrize('name', products.STEPS)
def test_every_step_runs_and_tells_what_it_took(folder, name):
    if name == 'sign':
        products.run_step('hops', folder)
    facts = products.run_step(name, folder)
    assert facts['seconds'] >= facts.get('epoch_seconds', 0) >= 0
    assert facts['cpu_seconds'] >= 0
    assert facts['peak_mb'] >= 0
    if name == 'hops':
        assert len(list((folder / 'sign' / 'hops').glob('*.npy'))) == products.HOPS


def test_the_record(folder, monkeypatch, tmp_path, capsys):
    out = tmp_path / 'record.json'
    given = f'--folder={folder}', f'--nodes={NODES}', '--only=teddy', f'--out={out}'
    monkeypatch.setattr('sys.argv', ['products', *given, '--threads=1'])
    products.main()
    record = json.loads(out.read_text())
    assert record['setting'].startswith('2,000 nodes')
    assert record['measured']['teddy']['mapped_mb'] >= 0
    assert 'teddy' in capsys.readouterr().out
