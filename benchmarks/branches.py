"""Branches of large-graph training beside the full batch, on real graphs.

    python -m benchmarks.branches --datasets dblp,cs

All branches have nets of one width and depth, batches of as many nodes, and one
training; the epoch is chosen on validation. Writes ``branches.json``; a benchmark that
is stopped goes on.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from benchmarks.record import paired, spread, write_record
from graphsparse.engine.find import unknown
from graphsparse.experiments import Source, run_grid
from graphsparse.experiments.branch_run import BranchRun
from graphsparse.experiments.lists import Names
from graphsparse.experiments.scaling import matched_branches
from graphsparse.nn import ModelRecipe
from graphsparse.training import Training

DATASETS = ('dblp', 'cs', 'github', 'cornell5')
TRAINING = Training(epochs=100, lr=0.01, weight_decay=5e-4, ties='first')
BATCH = 1000
MODEL = ModelRecipe('sage', 128, 2, 0.5)
SHOWN = (
    *('mlp', 'full_batch', 'neighbor', 'cluster', 'saint', 'ladies', 'fastgcn'),
    *('sign', 'correct_and_smooth', 'en_gcn'),
)
NEAR = ('neighbor', 'cluster', 'saint')


def runs_of(dataset: str, seeds: int) -> list[BranchRun]:
    """All runs on one data set."""
    problem = Source(dataset, device='cpu')
    nodes = int(problem.node_task(problem.split(0)).graph.num_nodes or 0)
    known = matched_branches(nodes, BATCH, MODEL, TRAINING)
    return [
        BranchRun(problem, name, known[name], seed, f'{name}-{seed}.safetensors')
        for seed in range(seeds)
        for name in SHOWN
    ]


def collect(lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one data set."""
    by_name: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_name.setdefault(line['method'], []).append(line)
    tests = {name: [r['test_mean'] for r in of] for name, of in by_name.items()}
    whole = spread(tests['full_batch'])['mean']
    sign, en_gcn = spread(tests['sign'])['mean'], spread(tests['en_gcn'])['mean']
    return {
        'reached': {
            **{name: spread(tests[name])['mean'] >= whole - 0.01 for name in NEAR},
            'en_gcn': en_gcn >= sign,
        },
        'minus_full_batch': {
            name: paired(tests[name], tests['full_batch'])
            for name in tests
            if name != 'full_batch'
        },
        'correct_and_smooth_minus_mlp': paired(
            tests['correct_and_smooth'], tests['mlp']
        ),
        'en_gcn_minus_sign': paired(tests['en_gcn'], tests['sign']),
        'methods': {
            name: {
                'val': spread([line['val_mean'] for line in of]),
                'test': spread(tests[name]),
                'seconds': [round(line['train_seconds'], 1) for line in of],
            }
            for name, of in by_name.items()
        },
    }


def main(
    datasets: str = ','.join(DATASETS),
    seeds: int = 5,
    out: str = 'runs/benchmark-branches',
) -> None:
    """Run what is missing, then write the figures beside those of other data sets.

    Args:
        datasets: Names between commas; all by default.
        seeds: How many; fewer than five write nothing.
        out: Folder of runs.
    """
    path = Path(__file__).with_suffix('.json')
    for name in Names.parse(datasets):
        if name not in DATASETS:
            raise unknown('data set', name, list(DATASETS))
        figures = collect(run_grid('scale', runs_of(name, seeds), Path(out) / name))
        for method, of in figures['methods'].items():
            print(name, method, of['val']['mean'], of['test']['mean'], of['seconds'])
        if seeds < 5:
            continue
        measured = json.loads(path.read_text())['measured'] if path.exists() else {}
        measured[name] = figures
        write_record(
            path,
            'python -m benchmarks.branches',
            'Splits drawn by the seed: 20 and 30 a class of DBLP and CS, half and a '
            'quarter of the labelled nodes of GitHub and Cornell5; two layers or hops '
            f'of width 128, dropout 0.5, batches of {BATCH} nodes, 100 epochs of Adam, '
            'rate 0.01, decay 5e-4',
            bars='neighbor, cluster and saint at most a point below full_batch; en_gcn '
            'at least sign',
            measured={
                known: measured[known] for known in DATASETS if known in measured
            },
        )


if __name__ == '__main__':
    auto_cli(main)
