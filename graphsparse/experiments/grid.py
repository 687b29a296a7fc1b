from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

from graphsparse.engine import (
    PeakMemory,
    append_line,
    collecting,
    progress,
    read_lines,
)
from graphsparse.experiments.problem import Source
from graphsparse.experiments.summary import shape
from graphsparse.training import CSVLogger, Step, Watch


class Run(Protocol):
    """What a grid does under one seed: it tells one row and may write one file.

    Attributes:
        problem: What it works on.
        label: What it is called in tables: a method or a baseline.
        seed: Of everything random.
        file: Name of what it writes below the output folder; None if its row is all.
    """

    @property
    def problem(self) -> Source: ...  # noqa: D102
    @property
    def label(self) -> str: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102
    @property
    def file(self) -> str | None: ...  # noqa: D102

    def facts(self) -> dict[str, Any]:
        """All that decides the outcome, JSON-able: equal facts, equal results."""

    def do(self, out: Path, watch: Watch) -> dict[str, Any]:
        """The work; goes on from what it finds in the watch's folder.

        Args:
            out: Folder for the file.
            watch: Progress, and a folder of its own for checkpoints.

        Returns:
            Entries of the row, the scores among them.
        """


def run_key(run: Run) -> str:
    """A digest of all that decides the outcome of a run."""
    text = json.dumps(run.facts(), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_grid(
    verb: str, runs: Sequence[Run], out: Path, alone: bool = True
) -> list[dict[str, Any]]:
    """Do all runs that ``out`` does not hold yet, one after the other.

    Each writes its file, the losses and validation scores of its epochs beside it
    (.csv), then one line of ``results.jsonl``. A run that was killed
    goes on from its checkpoint; one that is there already is passed over.

    Args:
        verb: For the rows.
        runs: What is to be done.
        out: The folder.
        alone: Whether no other process does other runs in the same folder. Where some
            do, no progress is shown and an empty folder of checkpoints stays.

    Returns:
        The rows of these runs, in their order.
    """
    results = out / 'results.jsonl'
    rows = {row['key']: row for row in read_lines(results) if 'key' in row}
    done = {
        key
        for key, row in rows.items()
        if row['out'] is None or Path(out, Path(row['out']).name).exists()
    }
    keys = [run_key(run) for run in runs]
    bars = progress(total=len(runs), unit='run', shown=alone)
    with bars as bar, collecting() as collect:
        for key, run in zip(keys, runs, strict=True):
            checkpoints = out / 'checkpoints' / key
            if key not in done:
                bar.set_description(f'{run.label} seed {run.seed}')
                watch = Watch((_show(bar), *_log(run, out, checkpoints)), checkpoints)
                rows[key] = _do(verb, run, out, watch)
                rows[key]['key'] = key
                append_line(results, rows[key])
                done.add(key)
                collect()
            shutil.rmtree(checkpoints, ignore_errors=True)
            bar.update()
    if alone:
        _remove_empty(out / 'checkpoints')
    return [rows[key] for key in keys]


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _log(run: Run, out: Path, checkpoints: Path) -> list[CSVLogger]:
    """Writes the course of a run beside its file; goes on with what it goes on from."""
    if run.file is None:
        return []
    path = (out / run.file).with_suffix('.csv')
    if not checkpoints.exists():
        path.unlink(missing_ok=True)
    return [CSVLogger(path)]


def _show(bar: Any) -> Any:
    def show(step: Step) -> None:
        bar.set_postfix_str(
            f'{step.stage} {step.epoch + 1}/{step.epochs} val {100 * step.val:.1f}'
        )

    return show


def _do(verb: str, run: Run, out: Path, watch: Watch) -> dict[str, Any]:
    start = time.perf_counter()
    with PeakMemory() as peak:
        found = run.do(out, watch)
    known = {
        'method': run.label,
        'dataset': run.problem.dataset,
        'seeds': [run.seed],
        'seconds': time.perf_counter() - start,
        'peak_rss_mb': peak.megabytes,
        'out': str(out / run.file) if run.file else None,
    }
    return shape(verb, **known, **found)
