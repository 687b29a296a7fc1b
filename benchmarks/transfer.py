"""Links of a sparse target with a denser source, on Last.fm, Coauthor CS and Photo.

    python -m benchmarks.transfer --cases photo

Teachers on the target alone, on the target with the source's edges between shared
nodes, and on both graphs; after the second of them label propagation over edges, in
each mode, and a student of the features (not on Last.fm, which has none). Writes
``transfer.json``; a benchmark that is stopped goes on.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal

from jsonargparse import auto_cli

from benchmarks.record import paired, spread, write_record
from graphsparse.engine.find import unknown
from graphsparse.experiments import run_grid
from graphsparse.experiments.lists import Names
from graphsparse.experiments.transfer import make_problem, runs_of
from graphsparse.experiments.transfer_run import TransferRun
from graphsparse.training import Training
from graphsparse.transfer import EdgeLP, LinkTeacher, MLPStudent

FEATURES = ('cs', 'photo')
METRIC = 'recall@1.25 of links'
METRICS = ('test_mean', 'test_auc', 'hits@20', 'hits@50', 'hits@100')
TEACHERS = ('target', 'enriched', 'union')
TRIED = (
    'On validation of Photo under another seed enriched was not clearly above target '
    'on raw features: not with 1000 epochs or with fewer, not with GCN in place of '
    'SAGE, nor with the links of the source as messages alone. With tables of '
    'embeddings it was, and below what either reached on raw features.'
)


@dataclass(frozen=True)
class Setting:
    """How one case is learned; chosen on validation, under a seed that is none here.

    Attributes:
        features: What the nets are given.
        positives: Links to learn from. Who listens to the same artists need not trust
            one another: there source edges carry messages alone.
        epochs: At most.
        lr: Rate of learning.
        patience: Epochs without a better one.
    """

    features: Literal['learned', 'raw', 'both'] = 'raw'
    positives: Literal['graph', 'target'] = 'graph'
    epochs: int = 300
    lr: float = 5e-3
    patience: int = 50

    @property
    def training(self) -> Training:
        """Epochs, optimiser, early stopping."""
        return Training(self.epochs, self.lr, 0.0, patience=self.patience, ties='first')

    @property
    def teacher(self) -> LinkTeacher:
        """That of the target alone."""
        return LinkTeacher(
            'target',
            positives=self.positives,
            features=self.features,
            channels=128,
            held=0.5,
            batch_size=None,
            training=self.training,
        )


CASES = {
    'lastfm': Setting('learned', 'target', 400, patience=100),
    'cs': Setting(),
    'photo': Setting(epochs=1000, patience=100),
}


def runs_on(case: str, seeds: int) -> list[TransferRun]:
    """All runs of one case, teachers before what goes on from them."""
    teacher = CASES[case].teacher
    enriched = replace(teacher, graph='enriched')
    stages: dict[str, Any] = {
        **{name: (replace(teacher, graph=name), None) for name in TEACHERS},
        'lp-logit': (enriched, EdgeLP('logit')),
        'lp-emb': (enriched, EdgeLP('emb')),
        'lp-xmc': (enriched, EdgeLP('xmc')),
        'lp-released': (enriched, EdgeLP.released()),
    }
    if case in FEATURES:
        stages['student'] = enriched, MLPStudent(training=CASES[case].training)
        for name in ('target', 'enriched'):
            table = replace(teacher, graph=name, features='learned')
            stages[f'{name}-table'] = table, None
    problem = make_problem(case, None, None, device='cpu')
    return runs_of(problem, stages, range(seeds))


def collect(case: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one case."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_name.setdefault(line['method'], []).append(line)
    values = {
        name: {metric: [line[metric] for line in of] for metric in METRICS}
        for name, of in by_name.items()
    }

    def over(base: str, names: list[str]) -> dict[str, Any]:
        return {
            name: {
                metric: paired(values[name][metric], values[base][metric])
                for metric in METRICS
            }
            for name in names
        }

    seconds = [name for name in values if name.startswith(('lp', 'student'))]
    gains = over('target', [name for name in values if name != 'target'])
    found: dict[str, Any] = {'metric': METRIC, **asdict(CASES[case])}
    if case in FEATURES:
        found['reached'] = gains['enriched']['test_mean']['mean'] >= 0.01
        found['with_tables'] = over('target-table', ['enriched-table'])
    found |= {
        'over_target': gains,
        'over_teacher': over('enriched', seconds),
        'methods': {
            name: {
                'test': spread(values[name]['test_mean']),
                'val': spread([line['val_mean'] for line in of]),
                **{metric: spread(values[name][metric]) for metric in METRICS[1:]},
                'seconds': [round(line['seconds'], 1) for line in of],
            }
            for name, of in by_name.items()
        },
    }
    return found


def main(
    cases: str = ','.join(CASES), seeds: int = 5, out: str = 'runs/benchmark-transfer'
) -> None:
    """Run what is missing, then write the figures beside those of other cases.

    Args:
        cases: Names between commas; all by default.
        seeds: How many; fewer than five write nothing.
        out: Folder of runs.
    """
    path = Path(__file__).with_suffix('.json')
    for case in Names.parse(cases):
        if case not in CASES:
            raise unknown('case', case, list(CASES))
        lines = run_grid('transfer', runs_on(case, seeds), Path(out) / case)
        for line in lines:
            name, scores = line['method'], [round(line[m], 4) for m in METRICS]
            print(case, line['seeds'], name, round(line['val_mean'], 4), *scores)
        if seeds < 5:
            continue
        measured = json.loads(path.read_text())['measured'] if path.exists() else {}
        measured[case] = collect(case, lines)
        write_record(
            path,
            'python -m benchmarks.transfer',
            'Of the nodes 40 % shared, 30 % in the source and 30 % in the target '
            'alone; CS and Photo with 80 % of the edges between shared nodes dropped '
            'from the target; on Last.fm the source links users that share three '
            'artists. Links that touch a unique node 20/40/40, a negative each; SAGE '
            'of 2 layers of width 128, half of the links asked for in a step; on raw '
            'features, and (-table) on learned ones as in the code of the paper',
            tried=TRIED,
            bars='enriched a point of recall@1.25 above target on cs and photo',
            measured={name: measured[name] for name in CASES if name in measured},
        )


if __name__ == '__main__':
    auto_cli(main)
