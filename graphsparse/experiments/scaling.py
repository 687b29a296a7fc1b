"""Runs of branches of large-graph training: one beside its baselines, or all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from graphsparse.engine.find import unknown
from graphsparse.experiments.branch_run import BranchRun
from graphsparse.experiments.cost_plots import draw_costs
from graphsparse.experiments.lists import Names, Numbers
from graphsparse.experiments.problem import Source
from graphsparse.experiments.run_all import beside_baselines, run_all, seeds_from
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import (
    Branch,
    CorrectAndSmooth,
    Decoupled,
    EnGCN,
    FullBatch,
    LabelReuse,
    Sampled,
)
from graphsparse.training import Training


def scale(
    method: Branch,
    dataset: str = 'digits',
    root: str | None = None,
    device: str = 'auto',
    seed: int = 0,
    seeds: int = 1,
    out: str | None = None,
) -> dict[str, Any]:
    """Learn the classes of a graph's nodes with one branch, beside its baselines.

    A folder that holds some of the runs already is completed, not begun anew.

    Args:
        method: The branch.
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        seed: The first seed.
        seeds: How many seeds: seed, seed + 1, ...
        out: Folder for predictions, results.jsonl and report.html; by default
            ``runs/scale-<branch>-<dataset>``.
    """
    problem = Source(dataset, root, device)
    folder = Path(out or f'runs/scale-{method.name}-{dataset}')
    branches = {**method.baselines(), method.name: method}
    runs = [
        BranchRun(problem, label, branch, number, f'{label}-{number}.safetensors')
        for number in seeds_from(seed, seeds)
        for label, branch in branches.items()
    ]
    return beside_baselines(run_all('scale', runs, folder), method.name)


def compare_branches(
    dataset: str = 'digits',
    branches: Names = Names(),
    batch_size: int = 1000,
    hidden_channels: int = 128,
    num_layers: int = 2,
    dropout: float = 0.5,
    training: Training | None = None,
    sizes: Numbers = Numbers((5000, 10000, 20000)),
    root: str | None = None,
    device: str = 'auto',
    seed: int = 0,
    seeds: int = 1,
    out: str | None = None,
) -> dict[str, Any]:
    """Run branches of one width and depth with as many nodes a batch, and their costs.

    The table has accuracy, what autograd keeps for a step's backward pass, the
    process's peak memory, steps a second with and without the time that batches take
    to load, epochs to the best validation, and the exponents with which an epoch's
    time and a step's memory grow with the number of nodes.

    Args:
        dataset: Name of a data set.
        branches: Names of :func:`matched_branches`; all by default.
        batch_size: Targets, or sampled nodes where a batch is a subgraph.
        hidden_channels: Width.
        num_layers: Convs, or hops.
        dropout: Of all nets.
        training: Epochs, optimiser, early stopping, of all; by default 50 epochs of
            Adam, rate 0.01, no decay.
        sizes: Numbers of nodes of the graphs that growth is fitted from; '' for none.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        seed: The first seed, under which costs are measured.
        seeds: How many seeds: seed, seed + 1, ...
        out: Folder for predictions, results.jsonl and report.html; by default
            ``runs/scale-compare-<dataset>``.
    """
    problem = Source(dataset, root, device)
    folder = Path(out or f'runs/scale-compare-{dataset}')
    numbers = seeds_from(seed, seeds)
    nodes = int(problem.node_task(problem.split(seed)).graph.num_nodes or 0)
    model = ModelRecipe('sage', hidden_channels, num_layers, dropout)
    training = training or Training(50, 0.01, 0.0, ties='first')
    known = matched_branches(nodes, batch_size, model, training)
    by_size = {
        int(size): matched_branches(int(size), batch_size, model, training)
        for size in sizes
    }
    for name in branches:
        if name not in known:
            raise unknown('branch', name, list(known))
    runs = []
    for number in numbers:
        for name in branches or known:
            file = f'{name}-{number}.safetensors'
            run = BranchRun(problem, name, known[name], number, file)
            if number == seed:
                growth = {size: of[name] for size, of in by_size.items()}
                run = replace(run, costs=True, growth=growth)
            runs.append(run)
    return run_all('scale', runs, folder, draw_costs)


def matched_branches(
    num_nodes: int, batch_size: int, model: ModelRecipe, training: Training
) -> Mapping[str, Branch]:
    """Branches by name with nets of one width and depth and batches of one size.

    As Duan et al. match them (NeurIPS 2022 data sets and benchmarks): ``batch_size``
    targets, or nodes of a subgraph; walks of GraphSAINT begin at a third as many roots.

    Args:
        num_nodes: Of the graph, for the number of clusters.
        batch_size: Nodes.
        model: The net that batches are fed to.
        training: Of all.
    """
    parts = max(2, round(10 * num_nodes / batch_size))
    steps = max(1, round(num_nodes / batch_size))
    fanouts = (25, 10, *[5] * model.num_layers)[: model.num_layers]
    drawn = (batch_size,) * model.num_layers
    layers = {'num_samples': drawn, 'batch_size': batch_size}
    samplings: dict[str, tuple[str, dict[str, Any]]] = {
        'neighbor': ('neighbor', {'num_neighbors': fanouts, 'batch_size': batch_size}),
        'ladies': ('layer', {'method': 'ladies', **layers}),
        'fastgcn': ('layer', {'method': 'fastgcn', **layers}),
        'saint': ('saint', {'batch_size': max(1, batch_size // 3), 'num_steps': steps}),
        'cluster': ('cluster', {'num_parts': parts, 'batch_parts': 10}),
    }
    hops: dict[str, Any] = {
        'hops': model.num_layers,
        'hidden_channels': model.hidden_channels,
        'dropout': model.dropout or 0.0,
        'batch_size': batch_size,
        'training': training,
    }
    decoupled = {
        net: Decoupled(net, **hops) for net in ('sgc', 'sign', 'sagn', 'gamlp')
    }
    mlp = Decoupled('mlp', **{**hops, 'hops': 0})
    return {
        'mlp': mlp,
        'full_batch': FullBatch(model, training),
        **{n: Sampled(model, training, *named) for n, named in samplings.items()},
        **decoupled,
        'correct_and_smooth': CorrectAndSmooth(mlp),
        'label_reuse': LabelReuse(decoupled['sagn'], model.num_layers),
        'en_gcn': EnGCN(
            model.num_layers + 1,
            model.hidden_channels,
            dropout=model.dropout or 0.0,
            batch_size=batch_size,
            passes=1,
            training=replace(training, patience=training.patience or 10),
        ),
    }
