from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Iterable, Sequence
from typing import Any

KEYS = (
    'verb',
    'method',
    'dataset',
    'model',
    'config',
    'metric',
    'seeds',
    'test_mean',
    'test_std',
    'val_mean',
    'val_std',
    'baselines',
    'graph_sparsity',
    'weight_sparsity',
    'seconds',
    'peak_rss_mb',
    'out',
)
AVERAGED = ('edges_kept', 'arcs_kept', 'isolated', 'nonzero', 'macs', 'epoch_seconds')


def shape(verb: str, **known: Any) -> dict[str, Any]:
    """The one JSON object every verb answers with; what does not apply is None."""
    return dict.fromkeys(KEYS) | {'seeds': [], 'baselines': {}, 'verb': verb} | known


def summarise(rows: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rows of single runs to one row a setting: means and unbiased deviations.

    Rows that differ only in their seed make one setting. Order of first appearance.
    """
    settings: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        key = json.dumps([row['method'], row['dataset'], row['config']], sort_keys=True)
        settings.setdefault(key, []).append(row)
    return [_summary(group) for group in settings.values()]


def _summary(group: list[dict[str, Any]]) -> dict[str, Any]:
    first = {k: v for k, v in group[0].items() if k != 'key'}
    out = first | {'seeds': [seed for row in group for seed in row['seeds']]}
    for name in ('test', 'val'):
        values = [row[f'{name}_mean'] for row in group]
        out[f'{name}_mean'] = statistics.mean(values)
        out[f'{name}_std'] = statistics.stdev(values) if values[1:] else None
    for name in AVERAGED:
        out[name] = statistics.mean(row[name] for row in group)
    for name in ('graph_sparsity', 'weight_sparsity'):
        out[name] = statistics.mean(row[name] for row in group)
    if first.get('skips') is not None:
        out['skips'] = statistics.mean(row['skips'] for row in group)
    out['seconds'] = sum(row['seconds'] for row in group)
    out['peak_rss_mb'] = max(row['peak_rss_mb'] for row in group)
    return out


def percent(mean: float | None, std: float | None = None) -> str:
    """A fraction as people read it: ``82.0 ± 0.4``."""
    if mean is None:
        return ''
    return f'{100 * mean:.1f}' + ('' if std is None else f' ± {100 * std:.1f}')


Column = Callable[[dict[str, Any]], str]
COLUMNS: dict[str, Column] = {
    'method': lambda r: r['method'],
    'edges -%': lambda r: percent(r['graph_sparsity']),
    'weights -%': lambda r: percent(r['weight_sparsity']),
    'test %': lambda r: percent(r['test_mean'], r['test_std']),
    'val %': lambda r: percent(r['val_mean'], r['val_std']),
    'edges': lambda r: f'{r["edges_kept"]:,.0f}',
    'arcs': lambda r: f'{r["arcs_kept"]:,.0f}',
    'isolated': lambda r: f'{r["isolated"]:,.0f}',
    'non-zero': lambda r: f'{r["nonzero"]:,.0f}',
    'of': lambda r: f'{r["parameters"]:,}',
    'MACs': lambda r: f'{r["macs"] / 1e6:,.1f} M',
    'ms/epoch': lambda r: f'{1000 * r["epoch_seconds"]:.1f}',
}
# In columns of their own, or in the label.
SHOWN = {'graph_sparsity', 'weight_sparsity', 'score', 'model', 'training'} | {
    *('init', 'metric', 'threshold', 'probe_epochs', 'online', 'ticket', 'ticket_args')
}


def columns(rows: Sequence[dict[str, Any]]) -> dict[str, Column]:
    """How each column of a table of ``rows`` is written.

    After the method stand the number of layers, if rows differ in it, the number of
    skips, if there are any, and the options in which rows differ and no other column
    shows.
    """
    net = {}
    if len({row.get('layers') for row in rows}) > 1:
        net['layers'] = lambda row: str(row['layers'])
    if any(row.get('skips') is not None for row in rows):
        net['skips'] = lambda row: '' if row['skips'] is None else f'{row["skips"]:.1f}'
    options: dict[str, set[str]] = {}
    for row in rows:
        for name, value in row['config'].items():
            options.setdefault(name, set()).add(str(value))
    vary = [n for n, values in options.items() if len(values) > 1 and n not in SHOWN]
    extra = {n: lambda row, n=n: str(row['config'].get(n, '')) for n in vary}
    return {'method': COLUMNS['method'], **net, **extra, **COLUMNS}


def format_table(rows: Sequence[dict[str, Any]]) -> str:
    """Summaries as lines of aligned text."""
    shown = columns(rows)
    cells = [list(shown), *([show(r) for show in shown.values()] for r in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = []
    for line in cells:
        left, *right = zip(line, widths, strict=True)
        numbers = ('  ' + cell.rjust(width) for cell, width in right)
        lines.append(left[0].ljust(left[1]) + ''.join(numbers))
    lines.insert(1, '-' * len(lines[0]))
    return '\n'.join(lines)
