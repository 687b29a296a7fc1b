"""From runs to the answer of a verb: results, table and report in one folder."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from graphsparse.engine import InputError, PeakMemory, make_folder
from graphsparse.experiments.grid import Problem, Run, run_grid
from graphsparse.experiments.report import write_report
from graphsparse.experiments.summary import shape, summarise


def seeds_from(first: int, number: int) -> range:
    """So many seeds, one after the other.

    Raises:
        InputError: If there is none, or the first is negative.
    """
    if number < 1 or first < 0:
        raise InputError(
            f'seeds has to be at least 1 and seed at least 0 (got {number}, {first}).'
        )
    return range(first, first + number)


def run_all(
    verb: str,
    grids: Sequence[tuple[Problem, Sequence[Run]]],
    folder: Path,
    draw_maps: Callable[[Sequence[dict[str, Any]]], Sequence[str]] = lambda table: (),
) -> dict[str, Any]:
    """Do what is missing of the runs of each problem, then write the report.

    Args:
        verb: For the answer.
        grids: Problems, all of one data set, with their runs.
        folder: For tickets, results.jsonl and report.html.
        draw_maps: Wide plots for the report, made from the table.

    Returns:
        What every verb answers with, the table in it.
    """
    start = time.perf_counter()
    for problem, runs in grids:
        problem.check(runs[0].seed)
    make_folder(folder)
    with PeakMemory() as peak:
        rows = [row for grid in grids for row in run_grid(verb, *grid, folder)]
    table = summarise(rows)
    problem = grids[0][0]
    title = f'{problem.dataset}, {problem.model.model}'
    write_report(folder / 'report.html', title, table, draw_maps(table))
    return shape(
        verb,
        method='compare',
        dataset=problem.dataset,
        model=problem.model.model,
        config=dataclasses.asdict(problem),
        metric=table[0]['metric'],
        seeds=sorted({run.seed for _, runs in grids for run in runs}),
        seconds=time.perf_counter() - start,
        peak_rss_mb=peak.megabytes,
        out=str(folder),
        table=table,
    )


def beside_baselines(answer: dict[str, Any], method: str) -> dict[str, Any]:
    """The answer for one method of a table, all others as its baselines."""
    table = answer['table']
    own = next(row for row in table if row['method'] == method)
    baselines = {row['method']: row['test_mean'] for row in table if row is not own}
    spent = {key: answer[key] for key in ('seconds', 'peak_rss_mb', 'out')}
    return own | {'baselines': baselines, 'table': table} | spent
