"""TEDDY on Cora beside random edges, first-order degree and the dense network.

    python -m benchmarks.tickets.teddy_cora

Public split, GCN 2 x 512, 200 epochs. The distillation weight is chosen on TEDDY's mean
validation accuracy; random edges and degree stand beside it under every weight, with
paired differences over seeds. Writes ``teddy_cora.json``: settings, bars, and what was
measured. A run that is stopped goes on; seeds can be split among processes with
``--seeds`` and collected by a last call for all of them.
"""

from __future__ import annotations

import statistics
from pathlib import Path

from jsonargparse import auto_cli

from benchmarks.record import paired, write_record
from graphsparse.experiments import Problem, TicketRun, run_grid
from graphsparse.experiments.summary import format_table, summarise
from graphsparse.nn import ModelRecipe
from graphsparse.tickets import Dense, Teddy

LEVELS = {  # 5 and 10 rounds of 5 % of the edges and 10 % of the weights that are left
    '5 rounds': (1 - 0.95**5, 1 - 0.9**5),
    '10 rounds': (1 - 0.95**10, 1 - 0.9**10),
}
DISTILLATION = (0.0, 0.1, 1.0, 10.0)
BARS = {'dense': 0.805, '5 rounds': -0.005, '10 rounds': -0.010}
PUBLISHED = None  # the paper's tables are not at hand, and its code runs one seed


def searches(level: str, distillation: float) -> dict[str, Teddy]:
    """TEDDY and its baselines under one setting."""
    graph, weight = LEVELS[level]
    teddy = Teddy(graph, weight, distillation)
    return {'teddy': teddy, **teddy.baselines()}  # type: ignore[dict-item]


def runs(seeds: list[int]) -> list[TicketRun]:
    """All runs, dense first, since the others take their teacher from it."""
    problem = Problem('cora', device='cpu', model=ModelRecipe('gcn'))
    out = [
        TicketRun(problem, 'dense', Dense(), seed, f'dense-{seed}.safetensors')
        for seed in seeds
    ]
    for seed in seeds:
        for level in LEVELS:
            for weight in DISTILLATION:
                for label, search in searches(level, weight).items():
                    stem = f'{label}-{level[:2].strip()}-d{weight:g}'
                    out.append(
                        TicketRun(
                            problem, label, search, seed, f'{stem}-{seed}.safetensors'
                        )
                    )
    return out


def collect(rows: list[dict]) -> dict:
    """Rows of all runs as the figures asked for."""

    def values(label: str, level: str, weight: float, name: str) -> list[float]:
        graph = LEVELS[level][0]
        return [
            row[f'{name}_mean']
            for row in rows
            if row['method'] == label
            and row['config']['distillation'] == weight
            and row['config']['graph_sparsity'] == graph
        ]

    dense = [row['test_mean'] for row in rows if row['method'] == 'dense']
    found: dict = {'dense': {'test': dense, 'test_mean': statistics.mean(dense)}}
    for level in LEVELS:
        by_weight = {}
        for weight in DISTILLATION:
            teddy = values('teddy', level, weight, 'test')
            by_weight[str(weight)] = {
                label: {
                    'test': values(label, level, weight, 'test'),
                    'test_mean': statistics.mean(values(label, level, weight, 'test')),
                    'test_std': statistics.stdev(values(label, level, weight, 'test')),
                    'val_mean': statistics.mean(values(label, level, weight, 'val')),
                    'teddy_minus_this': paired(
                        teddy, values(label, level, weight, 'test')
                    ),
                }
                for label in ('teddy', 'random', 'degree')
            } | {'teddy_minus_dense': paired(teddy, dense)}
        chosen = max(by_weight, key=lambda w: by_weight[w]['teddy']['val_mean'])
        gap = by_weight[chosen]['teddy_minus_dense']['mean']
        found[level] = {
            'graph_sparsity': LEVELS[level][0],
            'weight_sparsity': LEVELS[level][1],
            'distillation_chosen_on_validation': float(chosen),
            'teddy_minus_dense': gap,
            'bar': BARS[level],
            'reached': gap >= BARS[level],
            'by_distillation': by_weight,
        }
    found['dense'] |= {
        'bar': BARS['dense'],
        'reached': found['dense']['test_mean'] >= BARS['dense'],
    }
    return found


def main(
    seeds: int = 5, first: int = 0, out: str = 'runs/benchmark-teddy-cora'
) -> None:
    """Run what is missing, then write the figures.

    Args:
        seeds: How many seeds.
        first: The first of them.
        out: Folder of runs.
    """
    rows = run_grid('ticket', runs([*range(first, first + seeds)]), Path(out))
    print(format_table(summarise(rows)))
    if seeds < 5:
        return
    write_record(
        Path(__file__).with_suffix('.json'),
        'python -m benchmarks.tickets.teddy_cora',
        'Cora, public split, GCN 2 x 512, 200 epochs, Adam 0.01, decay 5e-4',
        seeds=list(range(first, first + seeds)),
        published=PUBLISHED,
        measured=collect(rows),
    )


if __name__ == '__main__':
    auto_cli(main)
