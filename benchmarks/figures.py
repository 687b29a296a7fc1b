"""What the benchmarks of accuracy measured, as blocks: one setting, all methods in it.

A record has its figures in ``measured``, one row a setting, and there in ``methods``
by label, each with the spread of its ``test``; ``untrained.json`` and
``teddy_cora.json`` are older and read each in its way. A record of that shape that is
new is found without a change here.
"""

from __future__ import annotations

import ast
import json
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

HERE = Path(__file__).parent
LABELS = {
    'gcn': 'plain',
    'default': 'plain with default initialisation',
    'one_shot_random': 'random edges and weights',
    'one_shot': 'degrees with magnitude',
    'random': 'random edges',
    'degree': 'degrees',
    'teddy': 'TEDDY',
    'ugs': 'UGS',
    'best_dense': 'dense net of the better kind',
    'en_gcn': 'EnGCN',
    'gcnii': 'GCNII',
    'mlp': 'MLP',
    'saint': 'GraphSAINT',
    'ladies': 'LADIES',
    'fastgcn': 'FastGCN',
    'sign': 'SIGN',
    'all': 'skips everywhere',
    'init': 'its initialisation alone',
    'ticket': 'a ticket with half the weights',
    'lp': 'label propagation',
    'enriched': 'GITL teacher, source-enriched',
    'target': 'target alone',
    'pagerank': 'PageRank',
    'adamic_adar': 'Adamic-Adar',
    'katz': 'Katz',
    'jaccard': 'Jaccard',
}


class Spread(NamedTuple):
    """Mean over seeds and the unbiased deviation, in percent."""

    mean: float
    std: float


@dataclass(frozen=True)
class Block:
    """One setting, and the test scores of all that was measured in it.

    Attributes:
        source: The record, from ``benchmarks/``.
        setting: Data set, net, what is removed.
        methods: By label.
        ours: Of these the one the row is about; chosen on validation if several are.
        edges: Fraction of edges removed.
        weights: Fraction of weights removed.
        published: The paper's figure, in percent.
        reached: Whether it came as far as was asked before it was measured.
        headline: Whether the README shows it.
        metric: What is counted, in percent.
        note: What else was tried.
    """

    source: str
    setting: str
    methods: Mapping[str, Spread]
    ours: str
    edges: float | None = None
    weights: float | None = None
    published: float | None = None
    reached: bool | None = None
    headline: bool = True
    metric: str = 'test accuracy, %'
    note: str = field(default='', repr=False)

    def removed(self) -> list[str]:
        """What is gone, in words."""
        parts = {'edges': self.edges, 'weights': self.weights}
        found = [f'{100 * of:.1f} % of the {what}' for what, of in parts.items() if of]
        return [' and '.join(found) + ' removed'] if found else []

    def labels_of(self, cls: type, name: str) -> list[str]:
        """The labels under which a class stands here."""
        means = RECORDS.get(self.source, {}).get('classes', {})
        return [
            label
            for label in self.methods
            if means.get(stem(label), stem(label)) in (name, cls.__name__)
        ]


def stem(label: str) -> str:
    """``'rewired-code'`` is a variant of ``'rewired'``."""
    return label.split('-')[0]


def label_of(label: str, beside: str = '') -> str:
    """A label in words, less the variant if it is that of the label it is beside."""
    head, _, variant = label.partition('-')
    variant = '' if variant == beside.partition('-')[2] else variant
    words = LABELS.get(head, head.replace('_', ' '))
    return f'{words} ({variant.replace("_", " ")})' if variant else words


def format_spread(spread: Spread) -> str:
    """``81.3 ± 0.9``."""
    return f'{spread.mean:.1f} ± {spread.std:.1f}'


def _spread(found: Mapping[str, Any]) -> Spread:
    return Spread(100 * found['mean'], 100 * found['std'])


def _percent(value: float | None) -> float | None:
    return None if value is None else round(100 * value if value <= 1 else value, 2)


def _teddy(record: dict[str, Any], source: str) -> Iterator[Block]:
    tests = record['measured']['dense']['test']
    dense = Spread(100 * statistics.mean(tests), 100 * statistics.stdev(tests))
    for name, row in record['measured'].items():
        if name == 'dense':
            continue
        chosen = row['distillation_chosen_on_validation']
        for weight, methods in row['by_distillation'].items():
            own = {
                label: Spread(100 * m['test_mean'], 100 * m['test_std'])
                for label, m in methods.items()
                if 'test_mean' in m
            }
            is_chosen = float(weight) == chosen
            yield Block(
                source,
                f'Cora, GCN of 2 layers of width 512, distillation {float(weight):g}'
                f'{" (chosen)" if is_chosen else ""}',
                own | {'dense': dense},
                'teddy',
                row['graph_sparsity'],
                row['weight_sparsity'],
                reached=row['reached'] if is_chosen else None,
                headline=is_chosen or not float(weight),
            )


def _untrained(record: dict[str, Any], source: str) -> Iterator[Block]:
    larger = {row['untrained']: row for row in record['larger'].values()}
    for name, row in record['rows'].items():
        chosen = row['chosen_on_validation']
        methods = {label: _spread(m['test']) for label, m in chosen.items()}
        best = larger.get(name, {}).get('dense')
        if best and not name.startswith(best):  # another kind of net was better
            best = next(r for n, r in record['rows'].items() if n.startswith(best))
            test = best['chosen_on_validation']['dense']['test']
            methods['best_dense'] = _spread(test)
        own = chosen['untrained']
        data, net, *_ = row['setting'].split(', ')
        words = net.replace('relu_gat', 'GAT').replace('gcn', 'GCN')
        yield Block(
            source,
            f'{_data(data)}, {words} of width {own["hidden_channels"]}',
            methods,
            'untrained',
            weights=float(row['setting'].rsplit(', ')[-1].split(' %')[0]) / 100,
            published=_percent(row['published']),
            reached=row.get('reached', larger.get(name, {}).get('reached')),
            headline=row['published'] is not None or name in larger,
            note=row.get('tried', ''),
        )


def _ogb(record: dict[str, Any], source: str) -> Iterator[Block]:
    for row in record['measured'].values():
        data, net, rest = row['setting'].split(', ')
        yield Block(
            source,
            f'{data}, {rest}: {row["metric"]}',
            {_net(net): _spread(row['test'])},
            _net(net),
            published=_percent(row['leaderboard']),
            metric=f'{row["metric"]}, %',
            note=f'{row["differs"].capitalize()}.',
        )


def _plain(record: dict[str, Any], source: str) -> Iterator[Block]:
    for name, row in record.get('measured', {}).items():
        if not isinstance(row, dict) or 'methods' not in row:
            continue
        found = {label: _spread(m['test']) for label, m in row['methods'].items()}
        published = row.get('published')
        if isinstance(published, dict):
            published = published.get('ugs')
        plain = RECORDS.get(source, {}).get('beside', ())
        ours = row.get('chosen_on_validation')
        ours = ours or next(label for label in found if label not in plain)
        if 'init_chosen_on_validation' in row:
            ours = f'rewired-{row["init_chosen_on_validation"]}'
            found = _one_init(found, row['init_chosen_on_validation'])
        reached = row.get('reached')
        if isinstance(reached, dict):
            reached = reached.get(stem(ours)) if reached else None
        where = f': {row["metric"]}' if 'metric' in row else ''
        yield Block(
            source,
            _words(row.get('setting'), name, source) + where,
            found,
            ours,
            row.get('graph_sparsity'),
            _number(row.get('weight_sparsity')),
            _percent(published),
            reached,
            headline=RECORDS.get(source, {}).get('headline', True)
            and (len(found) > 1 or published is not None),
            metric=f'{row.get("metric", "test accuracy")}, %',
            note=row.get('tried') or record.get('tried', ''),
        )


def _one_init(found: dict[str, Spread], init: str) -> dict[str, Spread]:
    """What stands beside the chosen initialisation, less what other ones gave."""
    ours = f'rewired-{init}'
    kept = {
        label: spread
        for label, spread in found.items()
        if '-' not in label or label.endswith(f'-{init}') or label.startswith('rewired')
    }
    return {ours: kept.pop(ours), **kept}


def _number(value: Any) -> float | None:
    """A sparsity, or that of the first of several repeats; None where there is none."""
    value = value[0] if isinstance(value, list) and value else value
    return value or None


def _words(setting: str | None, name: str, source: str) -> str:
    """Where something was measured, from the row's own words and its name."""
    data, _, variant = name.partition('-')
    if data in RECORDS.get(source, {}).get('data', {}):
        data, variant = RECORDS[source]['data'][data], name.replace('-', ', ')
    if setting is None:
        return f'{_data(data)}{RECORDS.get(source, {}).get("net", "")}'
    first, _, rest = setting.partition(', ')
    if first == data:
        return f'{_data(first)}, {rest}'
    if rest.startswith('{'):  # a net's options
        net = ast.literal_eval(rest)
        shape = f'{net["num_layers"]} layers of width {net["hidden_channels"]}'
        first = f'{first}, {_net(net["model"])} of {shape}'
    return f'{_data(data)}{f" ({variant})" if variant else ""}: {first}'


def _net(name: str) -> str:
    return 'SAGE' if name == 'sage' else name.upper()


def _data(name: str) -> str:
    known = {
        'citeseer': 'CiteSeer',
        'dblp': 'DBLP',
        'cs': 'CS',
        'github': 'GitHub',
        'lastfm': 'Last.fm',
    }
    return known.get(name, name[:1].upper() + name[1:])


# How a record is read, and which class a label means where its name does not say it.
RECORDS: dict[str, dict[str, Any]] = {
    'tickets/teddy_cora.json': {
        'read': _teddy,
        'classes': {'random': 'RandomScore', 'degree': 'DegreeScore'},
    },
    'tickets/untrained.json': {
        'read': _untrained,
        'classes': {'edge_popup': 'untrained'},
    },
    'tickets/ugs.json': {
        'net': ', GCN of 2 layers of width 512',
        'classes': {'one_shot_random': 'one_shot'},
    },
    'ogb.json': {'read': _ogb},
    'curve.json': {
        'headline': False,
        'classes': dict.fromkeys(('magnitude', 'random_weights'), 'one_shot')
        | {
            'teddy_edges': 'TeddyScore',
            'degree_edges': 'DegreeScore',
            'random_edges': 'RandomScore',
        },
    },
    'depth.json': {'classes': {'rewired': 'DynamicRewiring', 'gcnii': 'GCNII'}},
    'branches.json': {
        'net': ', nets of width 128',
        'beside': ('mlp', 'full_batch'),
        'classes': dict.fromkeys(
            ('neighbor', 'cluster', 'saint', 'ladies', 'fastgcn'), 'sampled'
        )
        | {'sign': 'decoupled', 'mlp': 'decoupled'},
    },
    'links.json': {'classes': {'random': 'RandomScore'}},
    'transfer.json': {
        'beside': ('target',),
        'classes': dict.fromkeys(('target', 'enriched', 'union'), 'LinkTeacher')
        | {'lp': 'EdgeLP', 'student': 'MLPStudent'},
    },
    'soups.json': {
        'beside': ('mean_ingredient', 'best_ingredient', 'ensemble'),
        'data': {'sparse': 'cora'},
        'classes': {
            f'aligned_{name}': name for name in ('interpolate', 'greedy', 'uniform')
        },
    },
}


@cache
def blocks(folder: Path = HERE) -> tuple[Block, ...]:
    """All of them, record by record."""
    found: list[Block] = []
    for path in sorted(folder.rglob('*.json')):
        record = json.loads(path.read_text())
        source = path.relative_to(folder).as_posix()
        found += RECORDS.get(source, {}).get('read', _plain)(record, source)
    return tuple(found)
