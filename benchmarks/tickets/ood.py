"""Does an untrained ticket notice classes it never saw? Beside the trained network.

    python -m benchmarks.tickets.ood

Two fifths of the classes, drawn by the seed, are left out of training, validation and
test, but stay in the graph; a test node's score is minus its largest softmax entry, and
the ROC-AUC says how well it tells left-out classes from the others. All methods have
the same classes, split and GCN 2 x 256 (the untrained one without dropout). Writes
``ood.json``: the values of all seeds, mean, deviation, and differences paired by seed.
A run that is stopped goes on.
"""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli
from tqdm import tqdm

from benchmarks.record import paired, spread, write_record
from graphsparse.data import load
from graphsparse.engine import append_line, read_lines, resolve
from graphsparse.nn import ModelRecipe
from graphsparse.tickets import TicketSearch
from graphsparse.training import Task, leave_classes_out

DATASETS = ('cora', 'citeseer')
METHODS = ('dense', 'untrained')
FRACTION = 0.4
RECIPES = {  # an untrained net has no dropout
    'dense': ModelRecipe('gcn', hidden_channels=256),
    'untrained': ModelRecipe('gcn', hidden_channels=256, dropout=0.0),
}
# Of the training loss alone, as validation accuracy on Cora has it.
LOGIT_SCALE = 20.0
PUBLISHED = None  # the paper's figures of it are not at hand

Row = dict[str, Any]


def make_search(name: str, weight_sparsity: float) -> TicketSearch:
    """The method by its name; the dense network has no sparsity to set."""
    sparse = {'weight_sparsity': weight_sparsity, 'logit_scale': LOGIT_SCALE}
    options = {} if name == 'dense' else sparse
    return resolve(TicketSearch, name, **options)  # type: ignore[type-abstract]


def measure(dataset: str, search: TicketSearch, seed: int) -> Row:
    """One search without the left-out classes: its ROC-AUC and accuracies."""
    task = leave_classes_out(Task.from_data(load(dataset)), FRACTION, seed=seed)
    recipe = RECIPES[search.name]
    factory = partial(recipe.build, task.graph.x.size(1), task.out_channels)
    ticket = search.search(factory, task, seed=seed)
    model, graph = ticket.apply(factory, task.graph)
    return {
        'left_out': list(task.left_out),
        'weight_sparsity': ticket.weight_sparsity,
        'auc': task.evaluate_ood(model, graph),
        **task.evaluate(model, graph)._asdict(),
    }


def run(dataset: str, search: TicketSearch, seed: int, results: Path) -> Row:
    """The row of :func:`measure`, from the results if they hold it."""
    key = {
        'dataset': dataset,
        'method': search.name,
        'config': json.loads(json.dumps(search.config())),  # as it is read back
        'seed': seed,
    }
    for row in read_lines(results):
        if key.items() <= row.items():
            return row
    row = key | measure(dataset, search, seed)
    append_line(results, row)
    return row


def collect(rows: list[Row]) -> dict[str, Any]:
    """The rows of one data set by method, and paired with the first one's."""
    by_method: dict[str, list[Row]] = {}
    for row in rows:
        by_method.setdefault(row['method'], []).append(row)
    first, *others = by_method
    found: dict[str, Any] = {'left_out': [row['left_out'] for row in by_method[first]]}
    for method, own in by_method.items():
        found[method] = {
            'weight_sparsity': own[0]['weight_sparsity'],
            'auc': spread([row['auc'] for row in own]),
            'test': spread([row['test'] for row in own]),
        }
    for method in others:
        found[method][f'auc_minus_{first}'] = paired(
            found[method]['auc']['values'], found[first]['auc']['values']
        )
    return found


def main(
    methods: tuple[str, ...] = METHODS,
    weight_sparsity: float = 0.9,
    seeds: int = 5,
    out: str = 'runs/benchmark-ood',
) -> None:
    """Run what is missing, then write the figures.

    Args:
        methods: Which; all of them are written to the file, fewer only printed.
        weight_sparsity: Of the untrained ticket.
        seeds: How many seeds, from 0.
        out: Folder of runs.
    """
    searches = [make_search(name, weight_sparsity) for name in methods]
    jobs = [(d, s, i) for d in DATASETS for s in searches for i in range(seeds)]
    results = Path(out, 'results.jsonl')
    rows = [run(*job, results) for job in tqdm(jobs, unit='run', disable=None)]
    measured = {d: collect([r for r in rows if r['dataset'] == d]) for d in DATASETS}
    for dataset, found in measured.items():
        for method in methods:
            auc, test = found[method]['auc'], found[method]['test']
            print(
                f'{dataset:10} {method:10} AUC {auc["mean"]:.3f} ± {auc["std"]:.3f}'
                f'   test {test["mean"]:.3f} ± {test["std"]:.3f}'
            )
    if seeds < 5 or not {*METHODS} <= {*methods}:
        return
    write_record(
        Path(__file__).with_suffix('.json'),
        'python -m benchmarks.tickets.ood',
        'Cora and CiteSeer, public split, 0.4 of the classes left out, GCN 2 x 256, no '
        'dropout in the untrained one',
        seeds=list(range(seeds)),
        methods={search.name: search.config() for search in searches},
        published=PUBLISHED,
        measured=measured,
    )


if __name__ == '__main__':
    auto_cli(main)
