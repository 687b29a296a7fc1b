"""How the cost of each op grows with the graph, in nanoseconds an arc.

    python -m benchmarks.scaling [--arcs 1e4,1e5,1e6,1e7,1e8] [--only NAME,...] [--json]

Graphs of the generator of ``benchmarks.kernels`` with 13.7 arcs a node, 128 float32
features (4 heads x 32 for attention), two threads.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import chain

import torch

from benchmarks.measure import make_graph, median, torch_csr
from graphsparse.graph import to_adjacency
from graphsparse.kernels import gat_aggregate, sample_neighbors, sddmm, spmm

Run = Callable[[], object]


def ops(num_arcs: int) -> Iterator[tuple[str, Run]]:
    """Every op on a graph of so many arcs."""
    pattern, row = make_graph(max(2, round(num_arcs / 13.7)), num_arcs)
    num_nodes = pattern.rowptr.numel() - 1
    x, value = torch.randn(num_nodes, 128), torch.rand(num_arcs)
    grad = torch.randn(num_nodes, 128)
    yield 'spmm', lambda: spmm(pattern, x, value)
    yield 'spmm max', lambda: spmm(pattern, x, value, 'max')
    yield 'sddmm', lambda: sddmm(pattern, x, grad)
    leaves = x.clone().requires_grad_(), value.clone().requires_grad_()
    yield (
        'spmm forward and backward',
        lambda: torch.autograd.grad(spmm(pattern, *leaves), leaves, grad),
    )
    heads = grad.view(-1, 4, 32)
    scores = torch.randn(num_nodes, 4), torch.randn(num_nodes, 4)
    given = [t.requires_grad_() for t in (x.view(-1, 4, 32), *scores)]
    yield 'attention', lambda: gat_aggregate(pattern, *given).detach()
    yield (
        'attention forward and backward',
        lambda: torch.autograd.grad(gat_aggregate(pattern, *given), given, heads),
    )
    seeds = torch.randperm(num_nodes)[:1024]
    yield (
        'a batch of 1,024 seeds (ms)',
        lambda: sample_neighbors(
            pattern.rowptr, pattern.col, seeds, (15, 10, 5), seed=0
        ),
    )
    edge_index = torch.stack([pattern.col.long(), row])[:, torch.randperm(num_arcs)]
    yield (
        'Adjacency with transpose',
        lambda: to_adjacency(edge_index, num_nodes).prepare(),
    )


def peers(num_arcs: int) -> Iterator[tuple[str, Run]]:
    """What torch has: apart, since its int64 indices need the room."""
    pattern, _ = make_graph(max(2, round(num_arcs / 13.7)), num_arcs)
    csr = torch_csr(pattern, torch.rand(num_arcs))
    x = torch.randn(pattern.rowptr.numel() - 1, 128)
    yield 'torch CSR product', lambda: csr @ x


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--arcs', default='1e4,1e5,1e6,1e7,1e8')
    parser.add_argument('--only', default='', help='names of ops, as they are printed')
    parser.add_argument('--json', action='store_true', help='end with a JSON object')
    options = parser.parse_args()
    torch.set_num_threads(2)
    found = {}
    for text in options.arcs.split(','):
        num_arcs = int(float(text))
        repeats = 7 if num_arcs <= 10**7 else 3
        for name, run in chain(ops(num_arcs), peers(num_arcs)):
            if options.only and name not in options.only.split(','):
                continue
            unit = 1e3 if name.endswith('(ms)') else 1e9 / num_arcs
            cost = median(run, repeats, warm_up=1) * unit
            found.setdefault(name, {})[text] = round(cost, 2)
            print(f'{text:>6} {cost:10.2f}  {name}', flush=True)
    if options.json:
        print(json.dumps({'threads': 2, 'torch': torch.__version__, 'cost': found}))


if __name__ == '__main__':
    main()
