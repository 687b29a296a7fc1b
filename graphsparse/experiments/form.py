"""What OGB's leaderboards ask of a submission."""

from __future__ import annotations

import os
import platform
import shlex
import statistics
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch.nn import Module

from graphsparse.nn.models import count_parameters
from graphsparse.training.task import Scores

PACKAGES = ('graphsparse', 'torch', 'torch_geometric', 'ogb')


@dataclass(frozen=True)
class SubmissionForm:
    """The fields of OGB's leaderboard form; as a string, ready to be copied.

    Test and validation are means over seeds with unbiased standard deviations
    (``torch.std``). All parameters count, pruned ones too; the non-zero ones stand
    beside. Of a method in several stages OGB wants the sum: then give your own number.
    See https://ogb.stanford.edu/docs/leader_overview.

    Attributes:
        method: What it is called.
        dataset: Official name of the data set.
        metric: How predictions are judged.
        test: Score of every seed, as a fraction.
        val: Score of every seed, as a fraction.
        parameters: All of them.
        nonzero: Those that are not 0.
        hardware: Processor, memory and GPU.
        versions: Of the packages that decide the outcome, and of Python.
        command: What runs it again.
        external_data: Whether anything but the data set was learned from.
    """

    method: str
    dataset: str
    metric: str
    test: tuple[float, ...]
    val: tuple[float, ...]
    parameters: int
    nonzero: int
    hardware: str
    versions: Mapping[str, str]
    command: str
    external_data: bool = False

    @staticmethod
    def of(
        method: str,
        dataset: str,
        metric: str,
        scores: Sequence[Scores],
        model: Module,
        command: str | None = None,
    ) -> SubmissionForm:
        """Fill it in, on the machine that did the work.

        Args:
            method: What it is called.
            dataset: Official name of the data set.
            metric: How predictions are judged.
            scores: What :meth:`Task.evaluate` gave, a seed each.
            model: The finished net of a seed, with zeros where it is pruned.
            command: What runs it again; how this process was started by default.
        """
        device = next(model.parameters()).device
        return SubmissionForm(
            method=method,
            dataset=dataset,
            metric=metric,
            test=tuple(score.test for score in scores),
            val=tuple(score.val for score in scores),
            parameters=count_parameters(model),
            nonzero=count_nonzero(model),
            hardware=describe_hardware(device),
            versions=read_versions(),
            command=command or read_command(),
        )

    @property
    def seeds_wanted(self) -> int:
        """How many seeds OGB asks for; any number will do elsewhere."""
        if not self.dataset.startswith('ogb'):
            return 1
        return 3 if self.dataset == 'ogbn-papers100M' else 10

    def fields(self) -> dict[str, str]:
        """Name and value of each field, as text."""
        return {
            'Method name': self.method,
            'Dataset': self.dataset,
            'Metric': self.metric,
            'Test performance': _spread(self.test),
            'Validation performance': _spread(self.val),
            'Seeds': self._seeds(),
            '#Params': f'{self.parameters:,}',
            '#Params not zero': f'{self.nonzero:,}',
            'Hardware': self.hardware,
            'Versions': ', '.join(f'{k} {v}' for k, v in self.versions.items()),
            'Command': self.command,
            'External data': 'Yes' if self.external_data else 'No',
        }

    def _seeds(self) -> str:
        given, wanted = len(self.test), self.seeds_wanted
        return str(given) if given >= wanted else f'{given} (OGB asks for {wanted})'

    def __str__(self) -> str:
        return format_form(self.fields())


def format_form(fields: Mapping[str, str]) -> str:
    """Fields as lines of aligned text, ready to be copied."""
    fields = {**fields, 'Yours to add': 'contact, code, paper'}
    width = max(map(len, fields))
    return '\n'.join(f'{name:{width}}  {text}' for name, text in fields.items())


def _spread(values: Sequence[float]) -> str:
    """As leaderboards show it: ``0.7174 ± 0.0029``."""
    mean = f'{statistics.fmean(values):.4f}'
    return f'{mean} ± {statistics.stdev(values):.4f}' if values[1:] else mean


def count_nonzero(model: Module) -> int:
    """Entries of all parameters together that are not 0."""
    return sum(int(parameter.count_nonzero()) for parameter in model.parameters())


def describe_hardware(device: torch.device | str = 'cpu') -> str:
    """Processor with its cores and the threads used, memory, and GPU if one is used."""
    parts = [
        f'{_processor()}, {os.cpu_count()} cores, {torch.get_num_threads()} used',
    ]
    if hasattr(os, 'sysconf'):
        memory = os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES')
        parts.append(f'{memory / 2**30:.0f} GiB')
    device = torch.device(device)
    if device.type == 'cuda':
        gpu = torch.cuda.get_device_properties(device)
        parts.append(f'{gpu.name}, {gpu.total_memory / 2**30:.0f} GiB')
    return '; '.join(parts)


def _processor() -> str:
    told = Path('/proc/cpuinfo')
    for line in told.read_text().splitlines() if told.exists() else ():
        if line.startswith('model name'):
            return line.partition(':')[2].strip()
    return platform.processor() or platform.machine()


def read_versions() -> dict[str, str]:
    """Versions of the packages that decide the outcome, and of Python."""
    found: dict[str, Any] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # ogb, where data came out of the cache
            continue
    return found | {'python': platform.python_version()}


def read_command() -> str:
    """How this process was started."""
    return shlex.join(['python', *sys.orig_argv[1:]])
