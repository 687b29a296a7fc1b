"""Hyper-parameter search of a branch or a ticket search, on validation alone."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait
from pathlib import Path
from threading import Thread
from typing import Any

import torch

from graphsparse.data.checks import check_int
from graphsparse.engine import PeakMemory
from graphsparse.experiments.branch_run import BranchRun
from graphsparse.experiments.grid import Run, run_grid
from graphsparse.experiments.options import read_option, with_options
from graphsparse.experiments.problem import Problem, Source
from graphsparse.experiments.report import write_report
from graphsparse.experiments.run_all import seeds_from
from graphsparse.experiments.search import Found, Search, Trials, find_best
from graphsparse.experiments.space import Axis, Config, default_space, read_space
from graphsparse.experiments.summary import summarise
from graphsparse.experiments.ticket_run import TicketRun
from graphsparse.scaling import Branch
from graphsparse.tickets import TicketSearch
from graphsparse.training import Watch

NOTE = (
    'Chosen on validation, mean over seeds; the test part was read for the chosen '
    'configuration alone, once all was chosen. '
)
GREEDY = (
    'One option after the other: not claimed to be the best of the grid where options '
    'interact.'
)


@dataclass(frozen=True)
class TuneRun:
    """One training under one seed, of which the validation score is all that is kept.

    Args:
        problem: The data set; with a model for a ticket search.
        label: What it is called in tables.
        method: What is trained.
        seed: Of everything random.
    """

    problem: Source
    label: str
    method: Branch | TicketSearch
    seed: int
    file: None = None

    def facts(self) -> dict[str, Any]:
        """All that decides the outcome."""
        facts = {
            'dataset': self.problem.dataset,
            'method': self.method.name,
            'config': self.method.config(),
            'seed': self.seed,
            'part': 'val',
        }
        if isinstance(self.problem, Problem):
            facts['model'] = self.problem.model.facts()
        return facts

    def do(self, out: Path, watch: Watch) -> dict[str, Any]:
        """Train, validate."""
        task = self.problem.node_task(self.problem.split(self.seed))
        if isinstance(self.method, Branch):
            found = self.method.run(task, self.seed, watch)
            val = task.val_score(found.logits.to(task.device))
        else:
            assert isinstance(self.problem, Problem)
            factory = self.problem.factory(task)
            ticket = self.method.search(factory, task, seed=self.seed, watch=watch)
            val = task.validate(*ticket.apply(factory, task.graph))
        return {'config': self.method.config(), 'metric': task.metric, 'val_mean': val}


@dataclass(frozen=True)
class Validation:
    """A configuration's mean validation score over seeds; runs there are passed over.

    Args:
        problem: What the method works on.
        method: The options not searched.
        seeds: Of the runs.
        out: Folder of results.jsonl.
        alone: Whether no other process evaluates in the same folder.
    """

    problem: Source
    method: Branch | TicketSearch
    seeds: Sequence[int]
    out: Path
    alone: bool = True

    def rows(self, config: Config) -> list[dict[str, Any]]:
        """A row a seed."""
        method = with_options(self.method, config)
        runs = [TuneRun(self.problem, method.name, method, n) for n in self.seeds]
        return run_grid('tune', runs, self.out, self.alone)

    def __call__(self, config: Config) -> float:
        """The mean."""
        return statistics.mean(row['val_mean'] for row in self.rows(config))


def tune(
    method: Branch,
    space: Mapping[str, Any] | None = None,
    search: Search = 'greedy',
    trials: int | None = None,
    parallel: int = 1,
    dataset: str = 'digits',
    root: str | None = None,
    device: str = 'auto',
    seed: int = 0,
    seeds: int = 3,
    out: str | None = None,
) -> dict[str, Any]:
    """Choose the options of a branch on validation, then read test once.

    A killed search goes on where it was: give the same command again.

    Args:
        method: The branch; its options are where the search begins.
        space: By dotted option its candidates, in the order in which they are chosen:
            {training.lr: [0.01, 0.001], dropout: [0.1, 0.5]}; for a sampler a range
            too, {low: 0.0001, high: 0.01, log: true}. An entry with values and when,
            {values: [1, 4], when: {net: sagn}}, counts only there. By default that of
            Duan et al.: learning rate, weight decay, dropout, epochs, width, layers.
        search: greedy (one option after the other), tpe or random.
        trials: Configurations at most; by default all that greedy asks for, 20 else.
        parallel: Configurations at once, each in a process with as many threads as
            this one has.
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        seed: The first seed.
        seeds: How many seeds a configuration is judged by: seed, seed + 1, ...
        out: Folder for study.db, predictions of the best, results.jsonl and
            report.html; by default ``runs/tune-<branch>-<dataset>``.
    """
    problem = Source(dataset, root, device)
    folder = Path(out or f'runs/tune-{method.name}-{dataset}')
    validation = Validation(problem, method, seeds_from(seed, seeds), folder)
    return _tune(validation, space, search, trials, parallel)


def tune_ticket(
    method: TicketSearch,
    problem: Problem,
    space: Mapping[str, Any] | None = None,
    search: Search = 'greedy',
    trials: int | None = None,
    parallel: int = 1,
    seed: int = 0,
    seeds: int = 3,
    out: str | None = None,
) -> dict[str, Any]:
    """Choose the options of a ticket search on validation, then read test once.

    A killed search goes on where it was: give the same command again.

    Args:
        method: The ticket search; its options are where the search begins.
        problem: Data set and model.
        space: By dotted option its candidates, in the order in which they are chosen:
            {training.lr: [0.01, 0.001], distillation: [0, 1]}; for a sampler a range
            too, {low: 0.0001, high: 0.01, log: true}. By default learning rate, weight
            decay and epochs.
        search: greedy (one option after the other), tpe or random.
        trials: Configurations at most; by default all that greedy asks for, 20 else.
        parallel: Configurations at once, each in a process with as many threads as
            this one has.
        seed: The first seed.
        seeds: How many seeds a configuration is judged by: seed, seed + 1, ...
        out: Folder for study.db, tickets of the best, results.jsonl and report.html; by
            default ``runs/tune-<method>-<dataset>-<model>``.
    """
    net = problem.model.model
    folder = Path(out or f'runs/tune-{method.name}-{problem.dataset}-{net}')
    validation = Validation(problem, method, seeds_from(seed, seeds), folder)
    return _tune(validation, space, search, trials, parallel)


def _tune(
    validation: Validation,
    space: Mapping[str, Any] | None,
    search: Search,
    trials: int | None,
    parallel: int,
) -> dict[str, Any]:
    start = time.perf_counter()
    method, folder = validation.method, validation.out
    check_int('parallel', parallel, 1)
    axes = read_space(method, default_space(method) if space is None else space)
    validation.problem.check(validation.seeds[0])
    with PeakMemory() as peak:
        found = _search(validation, axes, search, trials, parallel)
        rows = [
            row | {'options': dict(config)}
            for config, _ in found.tried
            for row in validation.rows(config)
        ]
        best = with_options(method, found.best)
        own = summarise(run_grid('tune', _finals(validation, best), folder))[0]
    table = summarise(rows)
    for row in table:
        if row['options'] == found.best:
            row |= {'test_mean': own['test_mean'], 'test_std': own['test_std']}
    note = NOTE + (GREEDY if search == 'greedy' else '')
    title = f'{own["dataset"]}, {own["method"]}: {search} search'
    write_report(folder / 'report.html', title, table, note=note)
    return own | {
        'seconds': time.perf_counter() - start,
        'peak_rss_mb': peak.megabytes,
        'out': str(folder),
        'search': search,
        'best': dict(found.best),
        'table': table,
        'note': note,
    }


def _search(
    validation: Validation,
    axes: Sequence[Axis],
    search: Search,
    trials: int | None,
    parallel: int,
) -> Found:
    """Search in a study of its own for each problem, method, space and seeds."""
    method = validation.method
    told = TuneRun(validation.problem, '', method, 0).facts()
    asked = [repr(axis) for axis in axes], list(validation.seeds)
    digest = hashlib.sha256(json.dumps([told, asked]).encode()).hexdigest()
    with _processes(parallel) as pool:
        many = Trials(
            replace(validation, alone=pool is None),
            str(validation.out.absolute() / 'study.db'),
            f'{search}-{digest[:16]}',
            pool,
            parallel,
        )
        begin = {axis.option: read_option(method, axis.option) for axis in axes}
        return find_best(axes, begin, many, search, trials, validation.seeds[0])


def _finals(validation: Validation, best: Branch | TicketSearch) -> list[Run]:
    """The runs that read test."""
    runs: list[Run] = []
    problem = validation.problem
    for seed in validation.seeds:
        file = f'{best.name}-{seed}.safetensors'
        if isinstance(best, Branch):
            runs.append(BranchRun(problem, best.name, best, seed, file))
        else:
            assert isinstance(problem, Problem)
            runs.append(TicketRun(problem, best.name, best, seed, file))
    return runs


@contextmanager
def _processes(number: int) -> Iterator[Executor | None]:
    """So many processes; none for one, which is this."""
    if number == 1:
        yield None
        return
    threads = torch.get_num_threads()
    context = get_context('spawn')  # torch's threads do not survive a fork
    pool = ProcessPoolExecutor(number, context, _begin_process, (threads,))
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _begin_process(threads: int) -> None:
    """As many threads as the parent has, for the same bits; and its end."""
    torch.set_num_threads(threads)
    Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    parent = parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
