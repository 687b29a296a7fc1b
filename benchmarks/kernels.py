"""The kernels beside what a PyG user has, in one run, as ratios of medians.

    python -m benchmarks.kernels            a table
    python -m benchmarks.kernels --json     and one JSON object as the last line

Every figure says what it has to reach and whether it falls short. Absolute times mean
little on a shared machine; the ratios are of the same process and the same minute.
``heap kept`` figures come from a second process in which glibc keeps freed memory, so
that no op pays for fresh pages; the peers get the same.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
import warnings
from collections.abc import Callable
from dataclasses import asdict, dataclass

import torch
import torch_geometric.nn as pyg
from torch import Tensor

from graphsparse.kernels import Pattern, sddmm, spmm, transpose_csr
from graphsparse.nn import GATConv

HEAP_KEPT = {
    'MALLOC_MMAP_THRESHOLD_': '4294967296',
    'MALLOC_TRIM_THRESHOLD_': '99999999999',
}


@dataclass(frozen=True)
class Figure:
    """One measured ratio and its bar.

    Attributes:
        name: What is compared with what.
        ours: Median seconds; for bandwidth, seconds a byte.
        peer: The same of the peer.
        ratio: ``peer / ours`` where more is better, else ``ours / peer``.
        bar: What the ratio has to reach.
        at_most: Whether the bar is an upper one.
    """

    name: str
    ours: float
    peer: float
    ratio: float
    bar: float
    at_most: bool = False

    @property
    def falls_short(self) -> bool:
        """Whether the bar is missed."""
        return self.ratio > self.bar if self.at_most else self.ratio < self.bar


def median(run: Callable[[], object], repeats: int) -> float:
    """Median seconds of ``run`` after two runs to warm up."""
    for _ in range(2):
        run()
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        run()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


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


def thin(pattern: Pattern, removed: float) -> Pattern:
    """The pattern without a random share of its slots."""
    generator = torch.Generator().manual_seed(1)
    keep = torch.rand(pattern.col.numel(), generator=generator) >= removed
    before = torch.cat([torch.zeros(1, dtype=torch.int64), keep.cumsum(0)])
    return Pattern(before[pattern.rowptr], pattern.col[keep])


def faster(name: str, ours: float, peer: float, bar: float) -> Figure:
    """A figure in which more is better."""
    return Figure(name, ours, peer, peer / ours, bar)


def forward_figures(repeats: int, kept: bool) -> list[Figure]:
    """spmm alone, against torch's CSR product and PyG's gather and scatter."""
    pattern, row = make_graph()
    num_nodes, num_arcs = pattern.rowptr.numel() - 1, pattern.col.numel()
    x, value = torch.randn(num_nodes, 128), torch.rand(num_arcs)
    col = pattern.col.long()
    csr = torch.sparse_csr_tensor(pattern.rowptr, col, value, (num_nodes,) * 2)

    edge_index, propagate = torch.stack([col, row]), pyg.SimpleConv()

    def gather() -> Tensor:
        return propagate(x, edge_index, value)

    ours = median(lambda: spmm(pattern, x, value), repeats)
    label = 'heap kept' if kept else 'fresh output'
    out = [
        faster(
            f'spmm against torch CSR, {label}',
            ours,
            median(lambda: csr @ x, repeats),
            3.2 if kept else 2.5,
        ),
        faster(
            f'spmm against gather and scatter, {label}',
            ours,
            median(gather, repeats),
            10 if kept else 8,
        ),
    ]
    if not kept:
        return out
    for removed, bar in ((0.5, 0.6), (0.8, 0.33), (0.95, 0.17)):
        part = thin(pattern, removed)
        some = value[: part.col.numel()]
        sparse = median(lambda part=part, some=some: spmm(part, x, some), repeats)
        name = f'spmm with {removed:.0%} of edges removed against all, heap kept'
        out.append(Figure(name, sparse, ours, sparse / ours, bar, at_most=True))
    source, target = torch.randn(50_000_000), torch.empty(50_000_000)
    copy = median(lambda: target.copy_(source), repeats) / (2 * source.numel() * 4)
    gathered = ours / (num_arcs * 128 * 4)
    name = 'gather bandwidth of spmm against a plain copy, heap kept'
    return [*out, faster(name, gathered, copy, 0.7)]


def training_figures(repeats: int) -> list[Figure]:
    """Forward and backward: spmm, sddmm and a GAT layer."""
    pattern, row = make_graph()
    num_nodes, num_arcs = pattern.rowptr.numel() - 1, pattern.col.numel()
    x = torch.randn(num_nodes, 128, requires_grad=True)
    value = torch.rand(num_arcs, requires_grad=True)
    col = pattern.col.long()
    grad = torch.randn(num_nodes, 128)

    def ours() -> None:
        torch.autograd.grad(spmm(pattern, x, value), (x, value), grad)

    # Any other way makes a dense gradient of nodes x nodes for the values.
    csr = torch.sparse_csr_tensor(pattern.rowptr, col, value.detach(), (num_nodes,) * 2)
    csr.requires_grad_()

    def torch_csr() -> None:
        torch.autograd.grad(torch.sparse.mm(csr, x, 'sum'), (x, csr), grad)

    a, b = torch.randn(num_nodes, 128), torch.randn(num_nodes, 128)
    zeros = torch.zeros(num_arcs)
    mask = torch.sparse_csr_tensor(pattern.rowptr, col, zeros, (num_nodes,) * 2)
    b_t = b.t()
    ours_sddmm = median(lambda: sddmm(pattern, a, b), repeats)
    sampled = median(lambda: torch.sparse.sampled_addmm(mask, a, b_t), repeats)
    gathered = median(lambda: (a[row] * b[col]).sum(-1), repeats)

    edge_index = torch.stack([col, row])
    layers = [make(128, 32, heads=4) for make in (GATConv, pyg.GATConv)]
    wide = torch.randn(num_nodes, 128)
    gat = [
        median(lambda layer=layer: layer(wide, edge_index).sum().backward(), 3)
        for layer in layers
    ]
    return [
        faster(
            'spmm forward and backward to x and values against torch CSR',
            median(ours, repeats),
            median(torch_csr, repeats),
            4,
        ),
        faster('sddmm against sampled_addmm', ours_sddmm, sampled, 1.2),
        faster('sddmm against gather, multiply, sum', ours_sddmm, gathered, 10),
        faster('GAT layer, 4 heads x 32, forward and backward, against PyG', *gat, 8),
    ]


def heap_kept_figures(repeats: int) -> list[Figure]:
    """The forward figures from a process of its own, where freed memory is kept."""
    command = (sys.executable, '-m', 'benchmarks.kernels')
    done = subprocess.run(
        [*command, '--kept', '--json', '--repeats', str(repeats)],
        env=os.environ | HEAP_KEPT,
        capture_output=True,
        text=True,
        check=True,
    )
    rows = json.loads(done.stdout.splitlines()[-1])['figures']
    return [Figure(**{k: v for k, v in r.items() if k != 'falls_short'}) for r in rows]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', action='store_true', help='end with a JSON object')
    parser.add_argument('--repeats', type=int, default=7, help='runs behind a median')
    parser.add_argument('--kept', action='store_true', help="for this script's own use")
    options = parser.parse_args()
    repeats = options.repeats
    warnings.filterwarnings('ignore', 'Sparse')
    torch.set_num_threads(2)
    if options.kept:
        figures = forward_figures(repeats, kept=True)
    else:
        figures = forward_figures(repeats, kept=False)
        figures += heap_kept_figures(repeats) + training_figures(repeats)
    for figure in figures:
        verdict = 'falls short' if figure.falls_short else 'reached'
        sign = '<=' if figure.at_most else '>='
        print(f'{figure.ratio:8.2f} {sign} {figure.bar:<5g} {verdict:12} {figure.name}')
    if options.json:
        rows = [asdict(f) | {'falls_short': f.falls_short} for f in figures]
        print(json.dumps({'threads': 2, 'torch': torch.__version__, 'figures': rows}))


if __name__ == '__main__':
    main()
