"""The kernels beside what a PyG user has, in one run, as ratios of medians.

    python -m benchmarks.kernels            a table
    python -m benchmarks.kernels --json     and one JSON object as the last line

Every figure says what it has to reach and whether it falls short. Absolute times mean
little on a shared machine; the ratios are of the same process and the same minute.
``heap kept`` figures come from a second process in which glibc keeps freed memory, so
that no op pays for fresh pages; the peers get the same.

With the heap kept, ten times PyG's gather and scatter is out of reach: spmm takes what
its gather takes at the bandwidth of a copy, and that is a sixth to a ninth of PyG's
time. Narrower passes over the features, other distances and targets of prefetching, and
chunks of other sizes were tried.
"""

from __future__ import annotations

import argparse
import json
import warnings

import torch
import torch_geometric.nn as pyg
from torch import Tensor

from benchmarks.layers import cora_figures, gat_figures, gcn_figures
from benchmarks.measure import (
    HEAP_KEPT,
    Figure,
    faster,
    in_fresh_process,
    make_graph,
    medians,
    share,
    torch_csr,
)
from graphsparse.kernels import Pattern, pack_bits, sample_neighbors, sddmm, spmm
from graphsparse.nn import SparseLinear


def thin(pattern: Pattern, kept: Tensor) -> Pattern:
    """The pattern with only the marked slots."""
    before = torch.cat([torch.zeros(1, dtype=torch.int64), kept.cumsum(0)])
    return Pattern(before[pattern.rowptr], pattern.col[kept])


def forward_figures(repeats: int, kept: bool) -> list[Figure]:
    """spmm alone, against torch's CSR product and PyG's gather and scatter."""
    pattern, row = make_graph()
    num_nodes, num_arcs = pattern.rowptr.numel() - 1, pattern.col.numel()
    x, value = torch.randn(num_nodes, 128), torch.rand(num_arcs)
    csr = torch_csr(pattern, value)
    edge_index, propagate = torch.stack([pattern.col.long(), row]), pyg.SimpleConv()
    runs = [
        lambda: spmm(pattern, x, value),
        lambda: csr @ x,
        lambda: propagate(x, edge_index, value),
    ]
    label = 'heap kept' if kept else 'fresh output'
    against = f'spmm against torch CSR, {label}', f'spmm against PyG, {label}'
    if not kept:
        ours, peer, gathered = medians(*runs, repeats=repeats)
        bars = 2.5, 8
        return [
            faster(name, ours, other, bar)
            for name, other, bar in zip(against, (peer, gathered), bars, strict=True)
        ]
    generator = torch.Generator().manual_seed(1)
    draw = torch.rand(num_arcs, generator=generator)
    removed = {0.5: 0.6, 0.8: 0.33, 0.95: 0.17}
    for part in removed:
        mask = draw >= part
        less, some, keep = thin(pattern, mask), value[mask], pack_bits(mask)
        runs.append(lambda p=less, v=some: spmm(p, x, v))
        runs.append(lambda keep=keep: spmm(pattern, x, value, keep=keep))
    source, target = torch.randn(50_000_000), torch.empty(50_000_000)
    runs.append(lambda: target.copy_(source))
    ours, peer, gathered, *sparse, copy = medians(*runs, repeats=repeats)
    figures = [
        faster(against[0], ours, peer, 3.2),
        faster(against[1], ours, gathered, 10),
    ]
    for (part, bar), gone, hidden in zip(
        removed.items(), sparse[::2], sparse[1::2], strict=True
    ):
        name = f'spmm with {part:.0%} of edges {{}} against all, heap kept'
        figures.append(share(name.format('removed'), gone, ours, bar))
        figures.append(Figure(name.format('masked'), hidden, ours, hidden / ours, None))
    a_byte = ours / (num_arcs * 128 * 4), copy / (2 * source.numel() * 4)
    name = 'gather bandwidth of spmm against a plain copy, heap kept'
    return [*figures, faster(name, *a_byte, 0.7)]


def gradient_figures(repeats: int) -> list[Figure]:
    """spmm forward and backward, and sddmm, against torch's."""
    pattern, row = make_graph()
    num_nodes, num_arcs = pattern.rowptr.numel() - 1, pattern.col.numel()
    x = torch.randn(num_nodes, 128, requires_grad=True)
    value = torch.rand(num_arcs, requires_grad=True)
    grad = torch.randn(num_nodes, 128)
    # Any other way makes a dense gradient of nodes x nodes for the values.
    csr = torch_csr(pattern, value.detach()).requires_grad_()
    ours, peer = medians(
        lambda: torch.autograd.grad(spmm(pattern, x, value), (x, value), grad),
        lambda: torch.autograd.grad(torch.sparse.mm(csr, x, 'sum'), (x, csr), grad),
        repeats=repeats,
    )
    a, b = torch.randn(num_nodes, 128), torch.randn(num_nodes, 128)
    mask, col = torch_csr(pattern, torch.zeros(num_arcs)), pattern.col.long()
    dots, sampled, gathered = medians(
        lambda: sddmm(pattern, a, b),
        lambda: torch.sparse.sampled_addmm(mask, a, b.t()),
        lambda: (a[row] * b[col]).sum(-1),
        repeats=repeats,
    )
    name = 'spmm forward and backward to x and values against torch CSR'
    return [
        faster(name, ours, peer, 4),
        faster('sddmm against sampled_addmm', dots, sampled, 1.2),
        faster('sddmm against gather, multiply, sum', dots, gathered, 10),
    ]


def sampling_figures(repeats: int) -> list[Figure]:
    """A batch of 1,024 seeds, fan-outs 15-10-5, against one torch CSR product."""
    pattern, _ = make_graph()
    num_nodes = pattern.rowptr.numel() - 1
    generator = torch.Generator().manual_seed(1)
    seeds = torch.randperm(num_nodes, generator=generator)[:1024]
    csr = torch_csr(pattern, torch.ones(pattern.col.numel()))
    x = torch.randn(num_nodes, 128)

    def batch() -> None:
        sample_neighbors(pattern.rowptr, pattern.col, seeds, (15, 10, 5), seed=0)

    ours, peer = medians(batch, lambda: csr @ x, repeats=repeats)
    name = 'a batch of 1,024 seeds, fan-outs 15-10-5, against one torch CSR product'
    return [share(name, ours, peer, 0.5)]


def weight_figures(repeats: int) -> list[Figure]:
    """A linear layer of 512 x 512 with pruned weights, inference, against dense."""
    x, figures = torch.randn(20_000, 512), []
    for sparsity in (0.5, 0.7, 0.8, 0.9, 0.95):
        dense = pruned_layer(sparsity)
        sparse = SparseLinear(dense)
        with torch.no_grad():
            ours, peer = medians(
                lambda layer=sparse: layer(x),
                lambda layer=dense: layer(x),
                repeats=3 * repeats,
            )
        name = f'weights 512 x 512, {sparsity:.0%} sparse, inference, against dense'
        figures.append(faster(name, ours, peer, 2 if sparsity == 0.95 else None))
    return figures


def pruned_layer(sparsity: float) -> torch.nn.Linear:
    """A dense layer in which a random share of the weights is 0."""
    torch.manual_seed(0)
    layer = torch.nn.Linear(512, 512)
    with torch.no_grad():
        layer.weight.mul_(torch.rand(512, 512) >= sparsity)
    return layer


def heap_kept_figures(repeats: int) -> list[Figure]:
    """The forward figures from a process of its own, where freed memory is kept."""
    options = '--kept', '--json', '--repeats', str(repeats)
    rows = in_fresh_process('benchmarks.kernels', *options, **HEAP_KEPT)['figures']
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
        figures = forward_figures(repeats, kept=False) + heap_kept_figures(repeats)
        for part in (
            *(gradient_figures, gat_figures, gcn_figures, cora_figures),
            *(sampling_figures, weight_figures),
        ):
            figures += part(repeats)
        print(*figures, sep='\n')
    if options.json:
        facts = {'threads': 2, 'torch': torch.__version__, 'repeats': repeats}
        print(json.dumps(facts | {'figures': [figure.row() for figure in figures]}))


if __name__ == '__main__':
    main()
