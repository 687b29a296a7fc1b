"""What the benchmarks share: figures with bars, medians, graphs, fresh processes."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
from torch import Tensor

from graphsparse.kernels import Pattern, transpose_csr

# glibc that keeps freed memory, so that no op pays for fresh pages.
HEAP_KEPT = {
    'MALLOC_MMAP_THRESHOLD_': '4294967296',
    'MALLOC_TRIM_THRESHOLD_': '99999999999',
}


@dataclass(frozen=True)
class Figure:
    """One measured ratio and its bar.

    Attributes:
        name: What is compared with what.
        ours: Median seconds; for bandwidth, seconds a byte; for memory, MB.
        peer: The same of the peer.
        ratio: ``peer / ours`` where more is better, else ``ours / peer``.
        bar: What the ratio has to reach; None where it is only reported.
        at_most: Whether the bar is an upper one.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    bar: float | None
    at_most: bool = False

    @property
    def falls_short(self) -> bool:
        """Whether the bar is missed."""
        if self.bar is None:
            return False
        return self.ratio > self.bar if self.at_most else self.ratio < self.bar

    def row(self) -> dict[str, object]:
        """The figure for a JSON line."""
        return asdict(self) | {'falls_short': self.falls_short}

    def __str__(self) -> str:
        verdict = 'falls short' if self.falls_short else 'reached'
        if self.bar is None:
            return f'{self.ratio:8.2f}  {"":6} {"reported":12} {self.name}'
        sign = '<=' if self.at_most else '>='
        return f'{self.ratio:8.2f} {sign} {self.bar:<5g} {verdict:12} {self.name}'


def faster(name: str, ours: float, peer: float, bar: float | None = None) -> Figure:
    """A figure in which more is better."""
    return Figure(name, ours, peer, peer / ours, bar)


def share(name: str, ours: float, peer: float, bar: float) -> Figure:
    """A figure in which less is better."""
    return Figure(name, ours, peer, ours / peer, bar, at_most=True)


def medians(
    *runs: Callable[[], object], repeats: int, warm_up: int = 2
) -> tuple[float, ...]:
    """Median seconds of each, taken in turns, so that all meet the same machine.

    Each runs ``warm_up`` times and for half a second before: Linux takes that long to
    settle where memory lies.
    """
    for run in runs:
        begin, done = time.perf_counter(), 0
        while done < warm_up or time.perf_counter() - begin < 0.5:
            run()
            done += 1
    seconds: list[list[float]] = [[] for _ in runs]
    for _ in range(repeats):
        for run, found in zip(runs, seconds, strict=True):
            start = time.perf_counter()
            run()
            found.append(time.perf_counter() - start)
    return tuple(map(statistics.median, seconds))


def median(run: Callable[[], object], repeats: int, warm_up: int = 2) -> float:
    """Median seconds of one."""
    return medians(run, repeats=repeats, warm_up=warm_up)[0]


def make_graph(
    num_nodes: int = 169_343, num_arcs: int = 2_314_693, seed: int = 0
) -> tuple[Pattern, Tensor]:
    """A directed graph of ogbn-arxiv's size with power-law in-degrees, and its rows."""
    generator = torch.Generator().manual_seed(seed)
    weight = torch.rand(num_nodes, generator=generator).pow(-1 / 1.2)
    row = torch.multinomial(weight, num_arcs, True, generator=generator).sort().values
    col = torch.randint(num_nodes, (num_arcs,), generator=generator).to(torch.int32)
    rowptr = torch.zeros(num_nodes + 1, dtype=torch.int64)
    torch.cumsum(torch.bincount(row, minlength=num_nodes), 0, out=rowptr[1:])
    return Pattern(rowptr, col, None, *transpose_csr(rowptr, col, num_nodes)), row


def torch_csr(pattern: Pattern, value: Tensor) -> Tensor:
    """The pattern as torch's own sparse matrix."""
    num_nodes = pattern.rowptr.numel() - 1
    return torch.sparse_csr_tensor(
        pattern.rowptr, pattern.col.long(), value, (num_nodes, num_nodes)
    )


def in_fresh_process(module: str, *options: str, **environment: str) -> dict:
    """The last line that ``python -m module ... --json`` prints."""
    done = subprocess.run(
        [sys.executable, '-m', module, *options],
        env=os.environ | environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stdout.splitlines()[-1])
