"""Small data sets in OGB's own format on disk, written by ``ogb.io.DatasetSaver``."""

import dataclasses
import gzip
import json
import shutil
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
import torch

from graphsparse.data.cards import Counts, DatasetCard, RawFile, read_card
from graphsparse.data.ogb import make_evaluator

PARTS = ('train', 'valid', 'test')


def citations(nodes=200, arcs=700, features=8, classes=5, seed=0):
    """A directed graph of papers that cite older ones, those much cited the more.

    With ``citations(169343, 1166243, 128, 40)`` it has the size and density of
    ogbn-arxiv; the last papers are for the test, as there.
    """
    rng = np.random.default_rng(seed)
    source = 1 + np.sort(rng.integers(0, nodes - 1, arcs))
    target = (rng.random(arcs) ** 2 * source).astype(np.int64)
    label = rng.integers(0, classes, nodes)
    label[:classes] = np.arange(classes)
    feat = rng.standard_normal((nodes, features)).astype(np.float32)
    order, cut = np.arange(nodes), [int(nodes * 0.54), int(nodes * 0.71)]
    graph = {
        'edge_index': np.stack([source, target]),
        'num_nodes': nodes,
        'node_feat': feat + np.eye(classes, features, dtype=np.float32)[label],
    }
    parts = dict(zip(PARTS, np.split(order, cut), strict=True))
    return graph, label[:, None], parts


def pairs(rng, count, nodes=50):
    """Distinct unordered pairs."""
    u, v = np.triu_indices(nodes, 1)
    chosen = rng.permutation(len(u))[:count]
    return np.stack([u[chosen], v[chosen]], axis=1)


def link_split(rng, negatives=30):
    every = pairs(rng, 140)
    parts = dict(zip(PARTS, np.split(every, [100, 120]), strict=True))
    split = {part: {'edge': edge} for part, edge in parts.items()}
    for part in ('valid', 'test'):
        split[part]['edge_neg'] = rng.integers(0, 50, (negatives, 2))
    return split


def link_graph(split):
    return {'edge_index': split['train']['edge'].T, 'num_nodes': 50}


def small_graphs(rng, count=12):
    for size in 3 + np.arange(count) % 4:
        ring = np.stack([np.arange(size), (np.arange(size) + 1) % size])
        yield {
            'edge_index': ring,
            'num_nodes': int(size),
            'node_feat': rng.integers(0, 2, (size, 9)),
            'edge_feat': rng.integers(0, 2, (size, 3)),
        }


def write_csv(folder, name, tables, split, **counts):
    """Write a set below ``folder`` as OGB serves it, gzipped tables; give its card.

    Args:
        folder: A data root.
        name: Of a card.
        tables: By name below raw/, one row a node, edge, graph...
        split: By name below split/, numbers of one part.
        counts: What differs from the card's.
    """
    card = read_card(name)
    card = dataclasses.replace(card, counts=dataclasses.replace(card.counts, **counts))
    files = tuple(RawFile(file.path) for file in card.files)
    for file in files:
        path, stem = Path(folder, file.path), Path(file.path).name.split('.')[0]
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == '.txt':
            path.write_text('made up')
        elif path.suffix == '.pt':
            torch.save(split[stem], path)
        else:
            rows = split[stem] if 'split' in path.parts else tables[stem]
            # Of labels that are missing there is nothing between the commas.
            text = '\n'.join(','.join(map(str, np.atleast_1d(row))) for row in rows)
            path.write_bytes(gzip.compress(text.replace('nan', '').encode()))
    return dataclasses.replace(card, files=files)


def write_ogb(folder, name, graphs, split, y=None, metric='acc', **facts):
    """Write a set below ``folder`` / ogb, and give the card that reads it.

    Args:
        folder: A data root.
        name: 'ogbn-tiny', 'ogbl-tiny', 'ogbg-tiny'...
        graphs: Dicts as the saver takes them.
        split: 'train', 'valid', 'test': numbers of nodes or graphs, or pairs.
        y: Labels ``[rows, tasks]``; none for links.
        metric: As OGB calls it.
        facts: Fields of the card that are not as usual.
    """
    make_evaluator('ogbl-ddi')  # imports ogb without its thread
    saver_of = pytest.importorskip('ogb.io').DatasetSaver
    folder = Path(folder)
    (folder / 'notes').mkdir(parents=True)
    (folder / 'notes/README.md').write_text('Made up.\n')
    with redirect_stdout(StringIO()):
        saver = saver_of(name, False, version=1, root=str(folder / 'saved'))
        saver.save_graph_list(graphs)
        if y is not None:
            saver.save_target_labels(y)
        saver.copy_mapping_dir(str(folder / 'notes'))
        saver.save_split(split, 'made')
        saver.save_task_info('binary classification', metric, num_classes=2)
        meta = saver.get_meta_dict()
    root = f'ogb/{name.replace("-", "_")}'
    (folder / 'ogb').mkdir(exist_ok=True)
    shutil.move(meta.pop('dir_path'), folder / root)
    shutil.rmtree(folder / root / 'processed')
    files = [p for p in (folder / root).rglob('*') if p.is_file()]
    task = {'n': 'node', 'l': 'link', 'g': 'graph'}[name[3]]
    classes = 0 if y is None else y.shape[1]
    if metric == 'acc':
        classes = int(np.nanmax(y)) + 1
    known = {
        'name': name.replace('-', '_'),
        'title': 'Made up',
        'loader': 'ogb',
        'kwargs': {'name': name, 'meta': meta},
        'root': root,
        'files': tuple(RawFile(p.relative_to(folder).as_posix()) for p in files),
        'licence': 'none',
        'counts': Counts(
            nodes=sum(graph['num_nodes'] for graph in graphs),
            arcs=sum(graph['edge_index'].shape[1] for graph in graphs),
            features=graphs[0]['node_feat'].shape[1] if 'node_feat' in graphs[0] else 0,
            classes=classes,
            graphs=len(graphs),
        ),
        'directed': True,
        'split': {'kind': 'public'},
        'normalize_features': False,
        'citation': 'Nobody. Nothing. 2000.',
        'task': task,
        'metric': {'acc': 'accuracy', 'rocauc': 'roc_auc'}.get(metric, metric),
    }
    return DatasetCard(**{**known, **facts})


def write_contests(folder, cards):
    """Small sets under the names of ogbn-arxiv, ogbl-ddi and ogbg-molhiv.

    Args:
        folder: A data root.
        cards: A folder for their cards.
    """
    rng = np.random.default_rng(0)
    graph, y, split = citations()
    found = [write_ogb(folder / 'n', 'ogbn-arxiv', [graph], split, y)]
    split = link_split(rng)
    graph = link_graph(split)
    graph['edge_index'] = np.hstack([graph['edge_index'], graph['edge_index'][::-1]])
    options = {'metric': 'hits@20', 'directed': False}
    found.append(write_ogb(folder / 'l', 'ogbl-ddi', [graph], split, **options))
    y = (np.arange(30) % 2)[:, None]
    parts = dict(zip(PARTS, np.split(np.arange(30), [18, 24]), strict=True))
    graphs = list(small_graphs(rng, 30))
    options = {'metric': 'rocauc', 'directed': False}
    found.append(write_ogb(folder / 'g', 'ogbg-molhiv', graphs, parts, y, **options))
    cards.mkdir()
    for card in found:
        shutil.copytree(
            folder / card.name[3] / 'ogb', folder / 'ogb', dirs_exist_ok=True
        )
        (cards / f'{card.name}.json').write_text(json.dumps(dataclasses.asdict(card)))
