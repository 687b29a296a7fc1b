import builtins
import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from torch_geometric.loader import DataLoader

from graphsparse.data import GraphDataset, catalog, describe, list_datasets, load
from graphsparse.data.cards import read_card
from graphsparse.data.ogb import load_ogb, make_evaluator
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency

from .ogb_format import (
    PARTS,
    citations,
    link_graph,
    link_split,
    small_graphs,
    write_csv,
    write_ogb,
)


@pytest.fixture(autouse=True)
def unattended(no_network, monkeypatch):
    def refuse(*args):
        raise AssertionError(f'asked: {args}')

    monkeypatch.setattr(builtins, 'input', refuse)


@pytest.fixture
def papers(tmp_path):
    graph, y, split = citations()
    return write_ogb(tmp_path / 'root', 'ogbn-tiny', [graph], split, y)


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'root'


def test_real_ddi(real_root):
    data = load('ogbl-ddi')
    assert (data.num_nodes, data.num_edges) == (4267, 2135822)
    assert data.is_undirected()
    assert 'x' not in data
    assert data.metric == make_evaluator('ogbl-ddi').eval_metric == 'hits@20'
    links = {'train_pos': 1067911, 'val_pos': 133489, 'test_pos': 133489}
    for key, count in links.items():
        assert data[key].shape == (2, count)
    assert data.val_neg.shape == (2, 101882)
    assert data.test_neg.shape == (2, 95599)
    # Messages are the training links, both ways, and nothing else.
    keys = data.train_pos.sort(0).values
    arcs = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    assert set(map(tuple, keys.T.tolist())) == set(map(tuple, arcs.T.tolist()))


def test_real_molecules(real_root, cache):
    dataset = load('ogbg-molhiv')
    assert isinstance(dataset, GraphDataset)
    assert (len(dataset), dataset.metric) == (41127, 'roc_auc')
    split = dataset.get_idx_split()
    assert [split[part].numel() for part in PARTS] == [32901, 4113, 4113]
    first = dataset[0]
    assert (first.x.shape, first.edge_attr.shape) == ((19, 9), (40, 3))
    assert first.y.tolist() == [[0]]
    batch = next(iter(DataLoader(dataset[split['train']], batch_size=32)))
    assert batch.num_graphs == 32
    again = load('ogbg-molhiv')
    assert torch.equal(again[41126].x, dataset[41126].x)
    assert describe('ogbg-molhiv')['processed'].startswith(str(cache))


def test_real_root_is_left_alone(real_root):
    def listing():
        return sorted(path.as_posix() for path in (real_root / 'ogb').rglob('*'))

    before = listing()
    assert len(load('ogbg-molbace', root=real_root)) == 1513
    assert listing() == before


def test_nodes_come_back_as_they_were_saved(papers, root, cache):
    graph, y, split = citations()
    for _ in range(2):  # through ogb, then from the cache
        data = load_ogb(papers, root)
        assert np.array_equal(data.x, graph['node_feat'])
        assert np.array_equal(data.edge_index, graph['edge_index'])
        assert np.array_equal(data.y, y[:, 0])
        for key, part in zip(('train', 'val', 'test'), PARTS, strict=True):
            assert data[f'{key}_mask'].nonzero().view(-1).tolist() == list(split[part])
    assert [p.suffix for p in (cache / 'processed').iterdir()] == ['.safetensors']


def test_later_loads_need_neither_ogb_nor_files(papers, root, monkeypatch):
    first = load_ogb(papers, root)
    monkeypatch.setitem(sys.modules, 'ogb', None)
    monkeypatch.setitem(sys.modules, 'ogb.nodeproppred', None)
    again = load_ogb(papers, None)
    assert torch.equal(first.x, again.x)


def test_several_labels_with_missing_ones(tmp_path, root):
    graph, _, split = citations()
    y = np.random.default_rng(0).integers(0, 2, (200, 3)).astype(np.float32)
    y[5, 1] = np.nan
    card = write_ogb(root, 'ogbn-many', [graph], split, y, metric='rocauc')
    data = load_ogb(card, root)
    assert data.metric == 'roc_auc'
    assert np.array_equal(data.y, y, equal_nan=True)


def test_nodes_without_features_take_the_mean_of_their_edges(root):
    graph, y, split = citations()
    del graph['node_feat']
    graph['edge_feat'] = np.arange(1400, dtype=np.float32).reshape(700, 2)
    card = write_ogb(root, 'ogbn-edges', [graph], split, y, counts=None)
    counts = dataclasses.replace(read_card('ogbn-arxiv').counts)
    counts = dataclasses.replace(counts, nodes=200, arcs=700, features=2, classes=5)
    data = load_ogb(dataclasses.replace(card, counts=counts), root)
    node = int(graph['edge_index'][1, 0])
    mean = graph['edge_feat'][graph['edge_index'][1] == node].mean(0)
    assert np.allclose(data.x[node], mean)


def test_links_with_shared_negatives(root):
    split = link_split(np.random.default_rng(0))
    card = write_ogb(root, 'ogbl-tiny', [link_graph(split)], split, metric='hits@20')
    data = load_ogb(card, root)
    assert np.array_equal(data.train_pos.T, split['train']['edge'])
    assert np.array_equal(data.test_pos.T, split['test']['edge'])
    assert np.array_equal(data.val_neg.T, split['valid']['edge_neg'])
    assert data.metric == 'hits@20'


def test_links_with_targets_of_their_own(root):
    split = link_split(np.random.default_rng(0))
    for part in PARTS:
        source, target = split[part]['edge'].T
        split[part] = {'source_node': source, 'target_node': target}
        split[part]['target_node_neg'] = np.zeros((len(source), 7), np.int64) + 3
    graph = {'edge_index': np.stack([source, target]), 'num_nodes': 50}
    data = load_ogb(write_ogb(root, 'ogbl-rank', [graph], split, metric='mrr'), root)
    assert data.test_neg.shape == (20, 7)
    assert np.array_equal(data.test_pos[1], split['test']['target_node'])


def test_graphs_come_back_as_they_were_saved(root):
    rng = np.random.default_rng(0)
    graphs = list(small_graphs(rng))
    y = rng.integers(0, 2, (12, 2)).astype(np.float32)
    y[3, 0] = np.nan
    split = dict(zip(PARTS, np.split(np.arange(12), [6, 9]), strict=True))
    card = write_ogb(root, 'ogbg-tiny', graphs, split, y, metric='rocauc')
    for _ in range(2):
        dataset = load_ogb(card, root)
        for graph, saved, label in zip(dataset, graphs, y, strict=True):
            assert np.array_equal(graph.x, saved['node_feat'])
            assert np.array_equal(graph.edge_index, saved['edge_index'])
            assert np.array_equal(graph.edge_attr, saved['edge_feat'])
            assert np.array_equal(graph.y[0], label, equal_nan=True)
        assert dataset.get_idx_split()['valid'].tolist() == [6, 7, 8]


EDGES = np.array([[0, 1], [0, 2], [2, 3], [1, 3]])
ONE = {'edge': EDGES, 'num-node-list': [4], 'num-edge-list': [4]}
NODE_SPLIT = {'train': [0, 3], 'valid': [1], 'test': [2]}


def test_tables_of_arxiv(root):
    feat = np.round(np.random.default_rng(0).random((4, 128)), 4)
    tables = ONE | {'node-feat': feat, 'node_year': [2001] * 4, 'node-label': range(4)}
    counts = {'nodes': 4, 'arcs': 4, 'classes': 4}
    card = write_csv(root, 'ogbn-arxiv', tables, NODE_SPLIT, **counts)
    data = load_ogb(card, root)
    assert data.edge_index.T.tolist() == EDGES.tolist()
    assert np.array_equal(data.x, feat.astype(np.float32))
    assert data.y.tolist() == [0, 1, 2, 3]
    assert data.train_mask.tolist() == [True, False, False, True]
    assert 'metric' not in data


def test_tables_of_products_hold_each_edge_once(root):
    tables = ONE | {'node-feat': np.ones((4, 100)) / 2, 'node-label': [0, 1, 0, 1]}
    counts = {'nodes': 4, 'arcs': 8, 'classes': 2}
    card = write_csv(root, 'ogbn-products', tables, NODE_SPLIT, **counts)
    data = load_ogb(card, root)
    assert data.is_undirected()
    assert data.num_edges == 8


def test_tables_of_proteins_have_features_of_edges_alone(root):
    feat = np.random.default_rng(0).random((4, 8))
    labels = np.random.default_rng(1).integers(0, 2, (4, 112))
    tables = ONE | {'edge-feat': feat, 'node_species': [7] * 4, 'node-label': labels}
    card = write_csv(root, 'ogbn-proteins', tables, NODE_SPLIT, nodes=4, arcs=8)
    data = load_ogb(card, root)
    assert np.allclose(data.x[0], (feat[0] + feat[1]) / 2)
    assert np.allclose(data.x[3], (feat[2] + feat[3]) / 2)
    assert (data.metric, data.y.shape) == ('roc_auc', (4, 112))


def test_tables_of_collab_have_weights_and_repeats(root):
    more = {'node-feat': np.ones((4, 128)) / 2, 'edge_year': [2001] * 4}
    tables = ONE | more | {'edge_weight': [1, 2, 3, 4]}
    edge = {'edge': EDGES, 'weight': np.arange(4), 'year': np.arange(4)}
    later = {**edge, 'edge_neg': np.array([[0, 3], [1, 2]])}
    split = {'train': edge, 'valid': later, 'test': later}
    card = write_csv(root, 'ogbl-collab', tables, split, nodes=4, arcs=8)
    data = load_ogb(card, root)
    assert data.edge_weight.tolist() == [1.0, 1.0, 2.0, 2.0, 3.0, 3.0, 4.0, 4.0]
    assert data.repeats
    assert np.array_equal(data.val_neg.T, later['edge_neg'])


def test_tables_of_molecules_may_lack_labels(root):
    labels = np.full((3, 128), np.nan)
    labels[:, 0] = 0, 1, 1
    tables = {
        'edge': [[0, 1], [1, 0], [0, 0], [1, 0]],
        'num-node-list': [2, 1, 2],
        'num-edge-list': [2, 1, 1],
        'node-feat': np.arange(45).reshape(5, 9),
        'edge-feat': np.zeros((4, 3), int),
        'graph-label': labels,
    }
    split = {'train': [2], 'valid': [1], 'test': [0]}
    counts = {'nodes': 5, 'arcs': 8, 'graphs': 3}
    card = write_csv(root, 'ogbg-molpcba', tables, split, **counts)
    dataset = load_ogb(card, root)
    assert [graph.num_nodes for graph in dataset] == [2, 1, 2]
    assert dataset[2].edge_index.tolist() == [[1, 0], [0, 1]]
    assert dataset[1].x.tolist() == [list(range(18, 27))]
    assert np.array_equal(dataset[1].y, labels[1:2], equal_nan=True)


def test_mapped_it_is_the_same_and_features_can_stay_away(papers, root, cache):
    mapped = dataclasses.replace(papers, kwargs={'name': 'ogbn-tiny', 'mapped': True})
    whole, structure = load_ogb(papers, root), load_ogb(mapped, root, features=False)
    assert 'x' not in structure
    assert not list(cache.rglob('node_feat.npy'))
    data = load_ogb(mapped, root)
    for key in ('x', 'edge_index', 'y', 'train_mask', 'val_mask', 'test_mask'):
        assert torch.equal(data[key], whole[key]), key
    assert to_adjacency(structure).num_arcs == to_adjacency(whole).num_arcs
    kept = cache.rglob('edge_index.npy')
    before = next(kept).read_bytes()
    data.edge_index[:] = 0  # stays in memory
    assert next(cache.rglob('edge_index.npy')).read_bytes() == before


def test_reverse_arcs_are_added_when_asked(papers, root, monkeypatch):
    monkeypatch.setattr(catalog, 'read_card', lambda name: papers)
    directed, both = load('tiny', root), load('tiny', root, undirected=True)
    assert directed.num_edges == 700
    assert both.is_undirected()
    pairs_of = set(map(tuple, directed.edge_index.T.tolist()))
    pairs_of |= {(v, u) for u, v in pairs_of}
    assert set(map(tuple, both.edge_index.T.tolist())) == pairs_of
    assert 'x' not in load('tiny', root, features=False)


def test_a_root_that_cannot_be_written_serves(papers, root):
    folders = [root, *(path for path in root.rglob('*') if path.is_dir())]
    before = sorted(root.rglob('*'))
    for folder in folders:
        folder.chmod(0o555)
    try:
        assert load_ogb(papers, root).num_nodes == 200
    finally:
        for folder in folders:
            folder.chmod(0o755)
    assert sorted(root.rglob('*')) == before


@pytest.mark.parametrize('mapped', [False, True])
def test_a_file_that_is_cut_off(papers, root, cache, mapped):
    victim = root / papers.root / 'raw/data.npz'
    victim.write_bytes(victim.read_bytes()[:-500])
    if mapped:
        papers = dataclasses.replace(papers, kwargs={'name': 't', 'mapped': True})
    with pytest.raises(InputError, match=r'cannot be read'):
        load_ogb(papers, root)
    assert not [path for path in cache.rglob('*') if path.is_file()]


def test_a_file_that_is_missing(papers, root, cache):
    (root / papers.root / 'RELEASE_v1.txt').unlink()
    with pytest.raises(InputError, match=r'Missing: .*RELEASE_v1\.txt'):
        load_ogb(papers, root)
    assert not cache.exists()


@pytest.mark.parametrize(
    ('part', 'node', 'message'),
    [
        ('test', 3, 'overlaps: node 3 stands in it 2 times'),
        ('test', 200, "'test' of the split names node 200 of 200"),
        ('valid', -1, "'valid' of the split names node -1 of 200"),
    ],
)
def test_a_split_that_leaks(root, part, node, message, cache):
    graph, y, split = citations()
    split[part] = np.append(split[part], node)
    card = write_ogb(root, 'ogbn-leak', [graph], split, y)
    with pytest.raises(InputError, match=message):
        load_ogb(card, root)
    assert not [path for path in cache.rglob('*') if path.is_file()]


def test_links_of_the_test_among_those_of_the_training(root):
    split = link_split(np.random.default_rng(0))
    split['test']['edge'][4] = split['train']['edge'][9, ::-1]
    u, v = sorted(split['train']['edge'][9])
    card = write_ogb(root, 'ogbl-leak', [link_graph(split)], split, metric='hits@20')
    with pytest.raises(
        InputError, match=rf'ogbl_leak.*\({u}, {v}\).* train and in test'
    ):
        load_ogb(card, root)
    repeats = dataclasses.replace(card, split={'kind': 'public', 'repeats': True})
    assert load_ogb(repeats, root).repeats


def test_other_counts_than_the_card(papers, root):
    counts = dataclasses.replace(papers.counts, arcs=701)
    with pytest.raises(InputError, match="'arcs': 700"):
        load_ogb(dataclasses.replace(papers, counts=counts), root)


def test_without_ogb_one_sentence_with_the_command(papers, root, monkeypatch):
    monkeypatch.setitem(sys.modules, 'ogb.nodeproppred', None)
    with pytest.raises(InputError, match=r"pip install 'graphsparse\[ogb\]'"):
        load_ogb(papers, root)


def test_unknown_names_get_near_matches(no_root):
    with pytest.raises(InputError, match=r"'ogbn-arxv'.*ogbn_arxiv"):
        load('ogbn-arxv')
    with pytest.raises(InputError, match='ogbn-nothing'):
        make_evaluator('ogbn-nothing')


@pytest.mark.parametrize('imported', [False, True])
def test_importing_ogb_asks_nobody_and_leaves_no_trace(imported):
    code = (
        'import os, sys, threading, types\n'
        'from graphsparse.data.ogb import make_evaluator\n'
        'fake = types.ModuleType("outdated")\n'
        'fake.check_outdated = lambda *args: os.write(1, b"asked")\n'
        f'sys.modules.update(outdated=fake) if {imported} else None\n'
        'before = sys.modules.get("outdated")\n'
        'make_evaluator("ogbn-arxiv")\n'
        'assert sys.modules.get("outdated") is before and "ogb" in sys.modules\n'
        'assert "OUTDATED_IGNORE" not in os.environ\n'
        'assert threading.active_count() == 1, threading.enumerate()\n'
    )
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, ''), done.stderr


def test_every_card_agrees_with_ogb():
    make_evaluator('ogbl-ddi')
    ogb, pandas = map(pytest.importorskip, ('ogb', 'pandas'))
    folder = Path(ogb.__file__).parent
    metrics = {'acc': 'accuracy', 'rocauc': 'roc_auc', 'ap': 'average_precision'}
    for name in list_datasets():
        if not name.startswith('ogb'):
            continue
        card = read_card(name)
        table = folder / f'{card.task}proppred/master.csv'
        told = pandas.read_csv(table, index_col=0, keep_default_na=False)
        told = told[card.kwargs['name']]
        assert card.archive == told['url']
        assert card.metric == metrics.get(told['eval metric'], told['eval metric'])
        assert bool(card.kwargs.get('mapped')) == (told.get('binary') == 'True')
        splits = {f.path.split('/')[3] for f in card.files if '/split/' in f.path}
        assert splits == {told['split']}
        if card.task == 'node':
            many = card.metric != 'accuracy'
            assert card.counts.classes == int(
                told['num tasks' if many else 'num classes']
            )
