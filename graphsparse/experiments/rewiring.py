"""Runs of deep nets: rewired, not rewired, made tickets of, at one depth or many."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from graphsparse.engine import resolve
from graphsparse.experiments.heat_maps import draw_flow
from graphsparse.experiments.lists import Names, Numbers
from graphsparse.experiments.problem import Problem
from graphsparse.experiments.run_all import beside_baselines, run_all, seeds_from
from graphsparse.experiments.ticket_run import TicketRun
from graphsparse.nn import ModelRecipe
from graphsparse.pruning import Ticket
from graphsparse.pruning.init import ModelLike
from graphsparse.rewiring import DynamicRewiring, Flow, FlowRecorder
from graphsparse.tickets import Dense, TicketSearch
from graphsparse.training import Task, Watch

LOOKS = 30  # at a net's outputs in the course of a training, for the heat maps


@dataclass(frozen=True)
class DeepSearch:
    """What a grid runs: a deep net with its skips, trained or made a ticket of.

    Args:
        rewiring: Finds the skips.
        ticket: Searched from the net with its skips; None trains that net.
        flow: File for what flows through the net while it is trained.
    """

    rewiring: DynamicRewiring
    ticket: TicketSearch | None = None
    flow: Path | None = None

    @property
    def name(self) -> str:
        """The name it goes by."""
        return 'rewired'

    def config(self) -> dict[str, Any]:
        """Hyper-parameters of the rewiring and of the ticket."""
        config = self.rewiring.config()
        if self.ticket:
            config |= {'ticket': self.ticket.name, 'ticket_args': self.ticket.config()}
        return config

    def search(
        self,
        model: ModelLike,
        data_or_task: Task,
        seed: int = 0,
        dense: Ticket | None = None,
        watch: Watch | None = None,
    ) -> Ticket:
        """Rewire, then train or search; ``dense`` is of no use here."""
        watch = watch or Watch()
        if self.ticket:
            start = self.rewiring.prepare(model, data_or_task, seed, watch)
            found = self.ticket.search(start.model, data_or_task, seed + 2, None, watch)
            return replace(
                found, facts={**found.facts, **start.summary(), 'seed': seed}
            )
        every = max(1, self.rewiring.training.epochs // LOOKS)
        recorder = FlowRecorder(data_or_task, None, every, 'edges', 'rewired')
        if self.flow:
            watch = replace(watch, callbacks=(*watch.callbacks, recorder))
        ticket = self.rewiring.rewire(model, data_or_task, seed, watch).ticket()
        if self.flow:
            recorder.flow().save(self.flow)
        return replace(ticket, facts={**ticket.facts, 'seed': seed})


def rewire(
    method: DynamicRewiring,
    dataset: str = 'digits',
    layers: int = 16,
    hidden_channels: int = 64,
    dropout: float = 0.6,
    ticket: str | None = None,
    ticket_args: Mapping[str, Any] | None = None,
    root: str | None = None,
    device: str = 'auto',
    seed: int = 0,
    seeds: int = 1,
    out: str | None = None,
) -> dict[str, Any]:
    """Train a deep GCN with skips where little flows, beside what it has to beat.

    That is the plain GCN ('gcn'), the initialisation alone ('init'), and a skip
    wherever one can be ('all').

    Args:
        method: The rewiring.
        dataset: Name of a data set.
        layers: Number of convs.
        hidden_channels: Width of the hidden layers.
        dropout: Share of each layer's input that is dropped.
        ticket: Name of a ticket search that goes on from the rewired net.
        ticket_args: Options of the ticket search.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        seed: The first seed.
        seeds: How many seeds: seed, seed + 1, ...
        out: Folder for nets, results.jsonl and report.html; by default
            ``runs/rewire-<dataset>-<layers>``.
    """
    recipe = _recipe(method, layers, hidden_channels, dropout)
    problem = Problem(dataset, root, device, recipe)
    folder = Path(out or f'runs/rewire-{dataset}-{layers}')
    search = _search(ticket, ticket_args)
    runs = [
        run
        for number in seeds_from(seed, seeds)
        for run in deep_runs(method, search, problem, number, folder, number == seed)
    ]
    answer = run_all('rewire', runs, folder, draw_flows)
    return beside_baselines(answer, 'rewired')


def compare_depths(
    method: DynamicRewiring,
    dataset: str = 'digits',
    layers: Numbers = Numbers((2, 4, 8, 16, 32, 64)),
    hidden_channels: int = 64,
    dropout: float = 0.6,
    nets: Names = Names(('jk_net', 'gcnii')),
    net_args: Mapping[str, Any] | None = None,
    ticket: str | None = None,
    ticket_args: Mapping[str, Any] | None = None,
    root: str | None = None,
    device: str = 'auto',
    seed: int = 0,
    seeds: int = 1,
    out: str | None = None,
) -> dict[str, Any]:
    """Run the rewired GCN, its baselines and other deep nets at several depths.

    All are trained alike. The report has their accuracy against depth, and heat maps
    of what flows through the layers in the first seed's training.

    Args:
        method: The rewiring.
        dataset: Name of a data set.
        layers: Numbers of convs, such as 2,4,8.
        hidden_channels: Width of the hidden layers.
        dropout: Share of each layer's input that is dropped.
        nets: Names of other nets, such as gcnii,dagnn.
        net_args: By the name of a net its own options.
        ticket: Name of a ticket search that goes on from the rewired net.
        ticket_args: Options of the ticket search.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        seed: The first seed.
        seeds: How many seeds: seed, seed + 1, ...
        out: Folder for nets, results.jsonl and report.html; by default
            ``runs/rewire-compare-<dataset>``.
    """
    folder = Path(out or f'runs/rewire-compare-{dataset}')
    search, options = _search(ticket, ticket_args), dict(net_args or {})
    numbers = seeds_from(seed, seeds)
    runs: list[TicketRun] = []
    for depth in map(int, layers):
        recipe = _recipe(method, depth, hidden_channels, dropout)
        problem = Problem(dataset, root, device, recipe)
        for number in numbers:
            first = number == seed
            runs += deep_runs(method, search, problem, number, folder, first)
        for net in nets:
            own = replace(recipe, model=net, options=options.get(net, {}))
            beside, dense = replace(problem, model=own), Dense(method.training)
            for number in numbers:
                file = f'{net}-{depth}-{number}.safetensors'
                runs.append(TicketRun(beside, net, dense, number, file))
    return run_all('rewire', runs, folder, draw_flows)


def deep_runs(
    method: DynamicRewiring,
    ticket: TicketSearch | None,
    problem: Problem,
    seed: int,
    folder: Path,
    record: bool,
) -> Iterator[TicketRun]:
    """The rewired net of one depth and seed, its baselines before it."""
    layers, baselines = problem.model.num_layers, method.baselines()
    methods = {
        'gcn': replace(baselines['none'], init=None),
        'init': baselines['none'],
        'all': baselines['all'],
        'rewired': method,
    }
    for label, rewiring in methods.items():
        stem = f'{label}-{layers}-{seed}'
        flow = folder / f'{stem}.flow.json' if record else None
        search = DeepSearch(rewiring, flow=flow)
        yield TicketRun(problem, label, search, seed, f'{stem}.safetensors')
    if ticket:
        label = f'rewired_{ticket.name}'
        file = f'{label}-{layers}-{seed}.safetensors'
        yield TicketRun(problem, label, DeepSearch(method, ticket), seed, file)


def _recipe(
    method: DynamicRewiring, layers: int, hidden_channels: int, dropout: float
) -> ModelRecipe:
    options = {'target': method.target, 'alpha': method.alpha}
    return ModelRecipe('rewired_gcn', hidden_channels, layers, dropout, options=options)


def _search(name: str | None, options: Mapping[str, Any] | None) -> TicketSearch | None:
    if name is None:
        return None
    return resolve(TicketSearch, name, **(options or {}))  # type: ignore[type-abstract]


def draw_flows(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Heat maps of all runs that wrote down what flowed."""
    plots = []
    for row in rows:
        flow = Path(row['out']).with_suffix('.flow.json')
        if flow.exists():
            title = f'{row["method"]}, {row["layers"]} layers, seed {row["seeds"][0]}'
            plots.append(draw_flow(Flow.load(flow), title))
    return plots
