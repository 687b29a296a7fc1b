"""Links of citation graphs predicted by nets, dense and sparse, beside heuristics.

    python -m benchmarks.links --datasets cora,citeseer

85 % of the links to learn from, 5 % to choose the epoch by, 10 % to test on, another
draw for every seed; as many pairs that are no links. Messages go along training links.
Writes ``links.json``; a benchmark that is stopped goes on. ``--rows`` runs some rows
alone and writes nothing.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from jsonargparse import auto_cli

from benchmarks.record import paired, spread, write_record
from graphsparse.engine.find import unknown
from graphsparse.experiments import run_grid
from graphsparse.experiments.link_problem import LinkProblem
from graphsparse.experiments.link_run import LinkRun
from graphsparse.experiments.lists import Names
from graphsparse.nn import HEURISTICS, ModelRecipe
from graphsparse.tickets import UGS, Dense, Teddy, TicketSearch
from graphsparse.training import Training

NETS = ('gcn', 'sage')
SPARSE = ('teddy', 'ugs', 'random')
SPARSITIES = (0.2, 0.5)
METRIC = 'AUC of links'
OTHERS = ('ap', 'mrr', 'hits')
ROUNDS = 3


@dataclass(frozen=True)
class Setting:
    """How one data set is learned.

    Attributes:
        bar: AUC of GCN or SAGE.
        width: Of each layer.
        epochs: Of a training.
        mask_epochs: Of one of UGS's rounds.
    """

    bar: float
    width: int = 128
    epochs: int = 600
    mask_epochs: int = 150

    def training(self, epochs: int) -> Training:
        """So many epochs."""
        return Training(epochs, lr=0.01, weight_decay=0.0, ties='first')


DATASETS = {
    'cora': Setting(0.92),
    'citeseer': Setting(0.92),
    'dblp': Setting(0.94, 64, 300, 100),
}


def methods_of(dataset: str) -> dict[str, tuple[str, TicketSearch]]:
    """By row the net and how it is trained."""
    setting = DATASETS[dataset]
    training = setting.training(setting.epochs)
    masks = setting.training(setting.mask_epochs)
    rows: dict[str, tuple[str, TicketSearch]] = {
        net: (net, Dense(training)) for net in NETS
    }
    for sparsity in SPARSITIES:
        for score in ('teddy', 'random'):
            search = Teddy(sparsity, 0.0, 0.0, score=score, training=training)
            rows[f'{score}-{sparsity:g}'] = 'gcn', search
        ugs = UGS(sparsity, 0.0, ROUNDS, training=training, mask_training=masks)
        rows[f'ugs-{sparsity:g}'] = 'gcn', ugs
    return rows


def runs_of(dataset: str, seeds: int, rows: tuple[str, ...] = ()) -> list[LinkRun]:
    """All runs on one data set, or those of some rows."""
    known, runs = methods_of(dataset), []
    for seed in range(seeds):
        for row in rows or (*HEURISTICS, *known):
            if row in HEURISTICS:
                problem = LinkProblem(dataset, device='cpu')
                runs.append(LinkRun(problem, row, None, seed, row))
                continue
            if row not in known:
                raise unknown('row', row, [*HEURISTICS, *known])
            net, search = known[row]
            model = ModelRecipe(net, DATASETS[dataset].width, 2, 0.5)
            problem = LinkProblem(dataset, device='cpu', model=model)
            runs.append(LinkRun(problem, row, search, seed))
    return runs


def collect(dataset: str, lines: list[dict[str, Any]]) -> dict[str, Any]:
    """The figures of one data set: whole graphs first, then each sparsity."""
    by_row: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        by_row.setdefault(line['method'], []).append(line)
    found = {row: _scores(of) for row, of in by_row.items()}
    best = max(NETS, key=lambda net: found[net]['val']['mean'])
    setting = DATASETS[dataset]
    whole = {row: found[row] for row in (*NETS, *HEURISTICS) if row in found}
    measured: dict[str, Any] = {
        dataset: {
            'metric': METRIC,
            **asdict(setting),
            'chosen_on_validation': best.upper(),
            'reached': found[best]['test']['mean'] >= setting.bar,
            'methods': {_shown(row): scores for row, scores in whole.items()},
        }
    }
    for sparsity in SPARSITIES:
        rows = {name: found[f'{name}-{sparsity:g}'] for name in SPARSE}
        tests = {name: scores['test']['values'] for name, scores in rows.items()}
        measured[f'{dataset}-{sparsity:g}'] = {
            'metric': METRIC,
            'graph_sparsity': by_row[f'teddy-{sparsity:g}'][0]['graph_sparsity'],
            'minus_random': {
                name: paired(tests[name], tests['random'])
                for name in SPARSE
                if name != 'random'
            },
            'methods': rows | {'dense': found['gcn']},
        }
    return measured


def _scores(of: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        'test': spread([line['test_auc'] for line in of]),
        'val': spread([line['val_mean'] for line in of]),
        **{name: spread([line[f'test_{name}'] for line in of]) for name in OTHERS},
        'seconds': [round(line['seconds'], 1) for line in of],
    }


def _shown(row: str) -> str:
    return row.upper() if row in NETS else row


def main(
    datasets: str = ','.join(DATASETS),
    rows: str = '',
    seeds: int = 10,
    out: str = 'runs/benchmark-links',
) -> None:
    """Run what is missing, then write the figures beside those of other data sets.

    Args:
        datasets: Names between commas; all by default.
        rows: Names of rows between commas; all by default.
        seeds: How many; fewer than ten write nothing.
        out: Folder of runs.
    """
    path = Path(__file__).with_suffix('.json')
    for name in Names.parse(datasets):
        if name not in DATASETS:
            raise unknown('data set', name, list(DATASETS))
        runs = runs_of(name, seeds, Names.parse(rows))
        lines = run_grid('link', runs, Path(out) / name)
        for line in lines:
            print(name, line['method'], *line['seeds'], line['val_mean'], end=' ')
            print(line['test_auc'], round(line['seconds'], 1))
        if seeds < 10 or rows:
            continue
        measured = json.loads(path.read_text())['measured'] if path.exists() else {}
        measured |= collect(name, lines)
        write_record(
            path,
            'python -m benchmarks.links',
            'Undirected links drawn 85/5/10 by the seed, as many negatives, uniform, '
            'fixed; features as they are; two layers, dropout 0.5, an MLP of two '
            'layers on entrywise products; Adam, rate 0.01, each epoch one step on '
            '30 % of the training links, which are not among its messages; the epoch '
            'of the best validation AUC. Sparse rows are GCNs; UGS has '
            f'{ROUNDS} rounds.',
            bars={known: setting.bar for known, setting in DATASETS.items()},
            measured={
                name: row
                for known in DATASETS
                for name, row in measured.items()
                if name.partition('-')[0] == known
            },
        )


if __name__ == '__main__':
    auto_cli(main)
