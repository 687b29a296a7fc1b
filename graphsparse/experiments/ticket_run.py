"""A ticket search under one seed, and what its ticket holds and costs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import read_lines
from graphsparse.evaluation import count_macs
from graphsparse.experiments.grid import run_key
from graphsparse.experiments.problem import Problem
from graphsparse.graph import to_adjacency
from graphsparse.nn import ReferenceModel
from graphsparse.pruning import Ticket
from graphsparse.pruning.init import ModelLike
from graphsparse.tickets import Dense
from graphsparse.training import Task, Watch


class Method(Protocol):
    """A ticket search, or anything that ends with a ticket."""

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
class TicketRun:
    """One search under one seed; writes its ticket.

    Args:
        problem: Data set and model.
        label: What it is called in tables: a method or a baseline.
        method: The search.
        seed: Of everything random.
        file: Name of the ticket's file below the output folder.
        keep_parameters: Not the problem's net, but the widest of its kind with at
            most this share of its parameters.
    """

    problem: Problem
    label: str
    method: Method
    seed: int
    file: str
    keep_parameters: float = 1.0

    def facts(self) -> dict[str, Any]:
        """All that decides the outcome."""
        facts = {
            'dataset': self.problem.dataset,
            'model': self.problem.model.facts(),
            'label': self.label,
            'method': self.method.name,
            'config': self.method.config(),
            'seed': self.seed,
        }
        if self.keep_parameters != 1:
            facts['keep_parameters'] = self.keep_parameters
        return facts

    def do(self, out: Path, watch: Watch) -> dict[str, Any]:
        """Search, save, measure."""
        split = self.problem.split(self.seed)
        task = self.problem.node_task(split)
        problem = self.problem.narrowed(task, self.keep_parameters)
        factory = problem.factory(task)
        ticket = self.method.search(
            factory, task, seed=self.seed, dense=self._dense(out), watch=watch
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
        ticket.save(out / self.file)
        return {
            'model': problem.model.model,
            'config': self.method.config() | {'model': problem.model.facts()},
            'metric': task.metric,
            'test_mean': scores.test,
            'val_mean': scores.val,
            'graph_sparsity': ticket.graph_sparsity,
            'weight_sparsity': ticket.weight_sparsity or 1 - self.keep_parameters,
            'layers': problem.model.num_layers,
            'skips': len(facts['skips']) if 'skips' in facts else None,
            **measure(ticket, model, graph),
        }

    def _dense(self, out: Path) -> Ticket | None:
        """The dense ticket of the same seed and training, if this folder holds it."""
        training = getattr(self.method, 'training', None)
        if training is None or isinstance(self.method, Dense):
            return None
        file = f'dense-{self.seed}.safetensors'
        twin = TicketRun(self.problem, 'dense', Dense(training), self.seed, file)
        known = {row.get('key') for row in read_lines(out / 'results.jsonl')}
        if run_key(twin) in known and (out / file).exists():
            return Ticket.load(out / file)
        return None


def measure(ticket: Ticket, model: Module, graph: Data) -> dict[str, Any]:
    """What a sparse model and graph hold and cost."""
    adj = to_adjacency(graph)
    parameters = list(model.parameters())
    linear = sum(int(p.count_nonzero()) for p in parameters if p.dim() == 2)
    macs: int | None = None  # known of nets for nodes
    if isinstance(model, ReferenceModel):
        widths = model.propagation_widths()
        macs = count_macs(adj.num_nodes, linear, adj.num_arcs, widths)
    return {
        'edges_kept': adj.num_edges,
        'arcs_kept': adj.num_arcs,
        'isolated': adj.num_isolated(),
        'parameters': sum(p.numel() for p in parameters),
        'nonzero': sum(int(p.count_nonzero()) for p in parameters),
        'macs': macs,
        'epoch_seconds': ticket.facts['epoch_seconds'],
    }
