"""A branch of large-graph training under one seed, and what it takes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor

from graphsparse.engine import InputError, load_tensors, save_tensors
from graphsparse.experiments.efficiency import fit_growth, measure_cost
from graphsparse.experiments.problem import Source
from graphsparse.nn.models import count_parameters
from graphsparse.scaling import Branch
from graphsparse.training import Watch

KIND = 'predictions'


@dataclass(frozen=True)
class BranchRun:
    """One training under one seed; writes what it predicts.

    Args:
        problem: The data set.
        label: What it is called in tables.
        branch: How it is trained.
        seed: Of everything random.
        file: Name of the file of logits below the output folder.
        costs: Whether the cost of a step is measured too.
        growth: By the number of nodes of a graph, the branch on it, to fit from them
            how costs grow; none for no fit.
    """

    problem: Source
    label: str
    branch: Branch
    seed: int
    file: str
    costs: bool = False
    growth: Mapping[int, Branch] = field(default_factory=dict)

    def facts(self) -> dict[str, Any]:
        """All that decides the outcome."""
        facts = {
            'dataset': self.problem.dataset,
            'label': self.label,
            'branch': self.branch.name,
            'config': self.branch.config(),
            'seed': self.seed,
        }
        # What is measured decides which entries the row has.
        return facts | {'costs': self.costs, 'growth': list(self.growth)}

    def do(self, out: Path, watch: Watch) -> dict[str, Any]:
        """Train, save, measure."""
        split = self.problem.split(self.seed)
        task = self.problem.node_task(split)
        found = self.branch.run(task, self.seed, watch)
        logits = found.logits.to(task.device)
        val, test = task.val_score(logits), task.test_score(logits)
        facts = {
            'kind': KIND,
            'dataset': self.problem.dataset,
            'split': split,
            'seed': self.seed,
            'method': self.branch.name,
            'config': self.branch.config(),
            'facts': {**found.facts, 'metric': task.metric, 'val': val, 'test': test},
        }
        save_tensors(out / self.file, {'logits': found.logits}, facts)
        courses = found.courses.values()
        row = {
            'config': self.branch.config(),
            'metric': task.metric,
            'test_mean': test,
            'val_mean': val,
            'parameters': found.model and count_parameters(found.model),
            'best_epoch': sum(course.best_epoch + 1 for course in courses),
            'train_seconds': sum(sum(course.seconds) for course in courses),
        }
        return row | (self.measure(watch) if self.costs else {})

    def measure(self, watch: Watch) -> dict[str, Any]:
        """What a step takes, and how that grows."""
        task = self.problem.node_task(self.problem.split(self.seed))
        cost = measure_cost(self.branch, task, self.seed, watch)
        both = cost.seconds + cost.loading
        growth = fit_growth(self.growth, self.seed) if self.growth else {}
        return {
            'step_nodes': cost.nodes,
            'activation_mb': cost.activation_bytes / 1e6,
            'steps_per_second': 1 / both,
            'steps_per_second_loaded': 1 / cost.seconds,
            'epoch_seconds': cost.epoch_seconds,
            **growth,
        }


def read_predictions(path: str | Path) -> tuple[Tensor, dict[str, Any]]:
    """Logits ``[nodes, classes]`` and facts that a :class:`BranchRun` wrote.

    Raises:
        InputError: If the file is missing, truncated or something else.
    """
    tensors, facts = load_tensors(path)
    if facts.get('kind') != KIND:
        raise InputError(f"'{path}' holds a {facts.get('kind')}, not {KIND}.")
    return tensors['logits'], facts
