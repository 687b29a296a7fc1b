from __future__ import annotations

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch.nn import Module
from torch_geometric.data import Data
from tqdm import tqdm

from graphsparse.data import load
from graphsparse.data.cards import read_card
from graphsparse.engine import InputError, PeakMemory, append_line, read_lines
from graphsparse.evaluation import count_macs
from graphsparse.graph import to_adjacency
from graphsparse.nn import ModelRecipe, ReferenceModel
from graphsparse.nn.models import count_parameters
from graphsparse.pruning import Ticket
from graphsparse.pruning.init import ModelLike
from graphsparse.tickets import Dense
from graphsparse.training import NodeTask, Step, Task, Watch


@dataclass(frozen=True)
class Problem:
    """A data set and a model to solve it with.

    Args:
        dataset: Name of a data set.
        model: What is trained.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
    """

    dataset: str = 'digits'
    model: ModelRecipe = field(default_factory=ModelRecipe)
    root: str | None = None
    device: str = 'auto'

    def split(self, seed: int) -> int:
        """The split a seed runs on: that of its number, or drawn by it."""
        given = read_card(self.dataset).num_splits
        return seed % given if given else seed

    def task(self, split: int) -> Task:
        """The data set's task under one split, on the device."""
        task = Task.from_data(load(self.dataset, self.root, split))
        if not isinstance(task, NodeTask):
            raise InputError(
                f'{self.dataset!r} is no set of labelled nodes, and the models here '
                'are for nodes: search its Task from Python, with a model for it.'
            )
        return task.to(self.torch_device())

    def torch_device(self) -> torch.device:
        """The device by its name.

        Raises:
            InputError: If torch does not have it here.
        """
        name = self.device
        if name == 'auto':
            name = 'cuda' if torch.cuda.is_available() else 'cpu'
        try:
            return torch.empty(0, device=name).device
        except (RuntimeError, AssertionError) as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"Device '{name}' cannot be used: {reason}") from None

    def check(self, seed: int) -> None:
        """Raise what is wrong with data set, model or device before anything runs."""
        with torch.random.fork_rng(devices=[]):
            self.factory(self.task(self.split(seed)))()

    def narrowed(self, task: Task, share: float) -> Problem:
        """The same problem for the widest net with this share of parameters."""
        if share == 1:
            return self
        ends = task.graph.x.size(1), task.out_channels
        most = int(share * count_parameters(self.model.build(*ends)))
        return replace(self, model=self.model.narrowed(*ends, most))

    def factory(self, task: Task) -> partial[ReferenceModel]:
        """Makes the model for a task's features and classes."""
        return partial(self.model.build, task.graph.x.size(1), task.out_channels)


class Method(Protocol):
    """What a grid runs: a ticket search, or anything that ends with a ticket."""

    @property
    def name(self) -> str:
        """The name it goes by."""

    def config(self) -> dict[str, Any]:
        """All that decides the outcome, JSON-able."""

    def search(
        self,
        model: ModelLike,
        data_or_task: Task,
        seed: int = 0,
        dense: Ticket | None = None,
        watch: Watch | None = None,
    ) -> Ticket:
        """The work, see :meth:`TicketSearch.search`."""


@dataclass(frozen=True)
class Run:
    """One search under one seed.

    Args:
        label: What it is called in tables: a method or a baseline.
        method: The search.
        seed: Of everything random.
        file: Name of the ticket's file below the output folder.
        keep_parameters: Not the problem's net, but the widest of its kind with at
            most this share of its parameters.
    """

    label: str
    method: Method
    seed: int
    file: str
    keep_parameters: float = 1.0

    def key(self, problem: Problem) -> str:
        """A digest of all that decides the outcome: equal keys, equal results."""
        facts = {
            'dataset': problem.dataset,
            'model': problem.model.facts(),
            'label': self.label,
            'method': self.method.name,
            'config': self.method.config(),
            'seed': self.seed,
        }
        if self.keep_parameters != 1:
            facts['keep_parameters'] = self.keep_parameters
        text = json.dumps(facts, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def run_grid(
    verb: str, problem: Problem, runs: Sequence[Run], out: Path
) -> list[dict[str, Any]]:
    """Do all runs that ``out`` does not hold yet, one after the other.

    Each writes its ticket, then one line of ``results.jsonl``. A run that was killed
    goes on from its checkpoint; one that is there already is passed over.

    Returns:
        The rows of these runs, in their order.
    """
    results = out / 'results.jsonl'
    rows = {row['key']: row for row in read_lines(results) if 'key' in row}
    done = {
        key for key, row in rows.items() if Path(out, Path(row['out']).name).exists()
    }
    with tqdm(total=len(runs), unit='run', disable=None) as bar:
        for run in runs:
            key = run.key(problem)
            if key not in done:
                bar.set_description(f'{run.label} seed {run.seed}')
                rows[key] = _do(verb, problem, run, out, key, bar)
                append_line(results, rows[key])
            shutil.rmtree(_checkpoints(out, key), ignore_errors=True)
            bar.update()
    _remove_empty(out / 'checkpoints')
    return [rows[run.key(problem)] for run in runs]


def _checkpoints(out: Path, key: str) -> Path:
    return out / 'checkpoints' / key


def _remove_empty(folder: Path) -> None:
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()


def _do(
    verb: str, problem: Problem, run: Run, out: Path, key: str, bar: tqdm
) -> dict[str, Any]:
    def show(step: Step) -> None:
        bar.set_postfix_str(
            f'{step.stage} {step.epoch + 1}/{step.epochs} val {100 * step.val:.1f}'
        )

    start = time.perf_counter()
    split = problem.split(run.seed)
    with PeakMemory() as peak:
        task = problem.task(split)
        problem = problem.narrowed(task, run.keep_parameters)
        factory = problem.factory(task)
        ticket = run.method.search(
            factory,
            task,
            seed=run.seed,
            dense=_dense_of(problem, run, out),
            watch=Watch((show,), _checkpoints(out, key)),
        )
        facts = {
            'dataset': problem.dataset,
            'split': split,
            'recipe': problem.model.facts(),
            'metric': task.metric,
            **ticket.facts,
        }
        model, graph = ticket.apply(factory, task.graph)
        scores = task.evaluate(model, graph)
    facts |= scores._asdict()
    ticket = replace(ticket, facts=facts)
    ticket.save(out / run.file)
    return {
        'verb': verb,
        'method': run.label,
        'dataset': problem.dataset,
        'model': problem.model.model,
        'config': run.method.config() | {'model': problem.model.facts()},
        'metric': task.metric,
        'seeds': [run.seed],
        'test_mean': scores.test,
        'test_std': None,
        'val_mean': scores.val,
        'val_std': None,
        'baselines': {},
        'graph_sparsity': ticket.graph_sparsity,
        'weight_sparsity': ticket.weight_sparsity or 1 - run.keep_parameters,
        'seconds': time.perf_counter() - start,
        'peak_rss_mb': peak.megabytes,
        'out': str(out / run.file),
        'layers': problem.model.num_layers,
        'skips': len(facts['skips']) if 'skips' in facts else None,
        'key': key,
        **measure(ticket, model, graph),
    }


def _dense_of(problem: Problem, run: Run, out: Path) -> Ticket | None:
    """The dense ticket of the same seed and training, if this folder holds it."""
    training = getattr(run.method, 'training', None)
    if training is None or isinstance(run.method, Dense):
        return None
    file = f'dense-{run.seed}.safetensors'
    twin = Run('dense', Dense(training), run.seed, file)
    known = {row.get('key') for row in read_lines(out / 'results.jsonl')}
    if twin.key(problem) in known and (out / twin.file).exists():
        return Ticket.load(out / twin.file)
    return None


def measure(ticket: Ticket, model: Module, graph: Data) -> dict[str, Any]:
    """What a sparse model and graph hold and cost."""
    assert isinstance(model, ReferenceModel)  # a recipe makes nothing else
    adj = to_adjacency(graph)
    parameters = list(model.parameters())
    linear = sum(int(p.count_nonzero()) for p in parameters if p.dim() == 2)
    return {
        'edges_kept': adj.num_edges,
        'arcs_kept': adj.num_arcs,
        'isolated': adj.num_isolated(),
        'parameters': sum(p.numel() for p in parameters),
        'nonzero': sum(int(p.count_nonzero()) for p in parameters),
        'macs': count_macs(
            adj.num_nodes, linear, adj.num_arcs, model.propagation_widths()
        ),
        'epoch_seconds': ticket.facts['epoch_seconds'],
    }
