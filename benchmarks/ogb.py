"""OGB's protocol on the sets that are to be had: ogbl-ddi and ogbg-molhiv.

    python -m benchmarks.ogb --rows ddi-sage

Each row is ``graphsparse leaderboard`` at its defaults, those of OGB's examples, but
for the epochs, of which there are few: the figures show that protocol, evaluator and
form work, and stand beside the leaderboard's without a bar. Writes ``ogb.json`` after
every seed from the second on; a benchmark that is stopped goes on.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from benchmarks.record import spread, write_record
from graphsparse.engine import read_lines
from graphsparse.engine.find import unknown
from graphsparse.experiments.leaderboard import run_leaderboard
from graphsparse.experiments.lists import Names

OUT = 'runs/benchmark-ogb'
DDI = (
    'few of the 200 epochs; the training links were rebuilt from the raw edges, and '
    'their order is unproven; no clipping of gradients, convs without bias'
)
MOLHIV = (
    'few of the 100 epochs; features of atoms and bonds were rebuilt: not to be '
    'compared with the leaderboard'
)


@dataclass(frozen=True)
class Row:
    """A data set, a net, and how long it is trained.

    Attributes:
        dataset: Its name.
        model: The net; that of OGB's example by default.
        epochs: Of the training.
        seeds: How many, at most.
        leaderboard: Test score of OGB's own baseline there.
        differs: From what the leaderboard's figure was made with.
    """

    dataset: str
    epochs: int
    seeds: int
    leaderboard: float | None
    differs: str
    model: str | None = None


ROWS = {
    'ddi-sage': Row('ogbl-ddi', 2, 10, 0.5390, DDI, 'sage'),
    'ddi-gcn': Row('ogbl-ddi', 2, 10, 0.3707, DDI, 'gcn'),
    'molhiv-gine': Row('ogbg-molhiv', 1, 3, None, MOLHIV),
}


def measure(name: str, row: Row, seeds: int, out: Path) -> dict[str, Any]:
    """Run what is missing of so many seeds of a row; its figures."""
    folder = out / f'{name}-{row.epochs}'
    model = f' --model {row.model}' if row.model else ''
    options = f'--epochs {row.epochs} --seeds {seeds} --device cpu'
    answer = run_leaderboard(
        row.dataset,
        row.model,
        epochs=row.epochs,
        seeds=seeds,
        device='cpu',
        out=str(folder),
        command=f'graphsparse leaderboard {row.dataset}{model} {options}',
    )
    lines = read_lines(folder / 'results.jsonl')[:seeds]
    return {
        'setting': f'{row.dataset}, {answer["model"]}, {row.epochs} epochs',
        'differs': row.differs,
        'leaderboard': row.leaderboard,
        'metric': answer['metric'],
        'test': spread([line['test_mean'] for line in lines]),
        'val': spread([line['val_mean'] for line in lines]),
        'form': answer['form'],
    }


def main(rows: str = ','.join(ROWS), seeds: int = 10, out: str = OUT) -> None:
    """Run what is missing of these rows, and write their figures beside the others.

    Args:
        rows: Names between commas; all by default.
        seeds: No more than these of each row.
        out: Folder of runs.
    """
    path = Path(__file__).with_suffix('.json')
    for name in Names.parse(rows):
        if name not in ROWS:
            raise unknown('row', name, list(ROWS))
        for number in range(2, min(seeds, ROWS[name].seeds) + 1):
            figures = measure(name, ROWS[name], number, Path(out))
            measured = json.loads(path.read_text())['measured'] if path.exists() else {}
            measured[name] = figures
            write_record(
                path,
                'python -m benchmarks.ogb',
                "The nets, rates and batches of OGB's examples for ogbl-ddi and "
                'ogbg-molhiv, few epochs, the epoch chosen on validation, the test '
                'read once a seed; no bar',
                measured={row: measured[row] for row in ROWS if row in measured},
            )
            print(name, number, json.dumps(figures['test']), flush=True)


if __name__ == '__main__':
    auto_cli(main)
