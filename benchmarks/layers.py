"""Layers and whole epochs beside PyG: the part of the figures that trains.

python -m benchmarks.layers gat ours|pyg [--memory]     one of them, in its own process
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
from collections.abc import Callable

import torch
import torch_geometric.nn as pyg
from torch import Tensor
from torch.nn import functional as F

from benchmarks.measure import (
    Figure,
    faster,
    in_fresh_process,
    make_graph,
    medians,
    share,
    torch_csr,
)
from graphsparse import nn
from graphsparse.data import load
from graphsparse.engine.memory import PeakMemory, anonymous_memory

MB = 2**20
KINDS = ('ours', 'pyg')
Run = Callable[[], object]


def gat_figures(repeats: int) -> list[Figure]:
    """A GAT layer, 4 heads x 32, forward and backward: time and extra memory.

    Time twice: each in processes of its own, ours and PyG's after one another, as a
    program has one of the two; and in turns in one process, where ours takes the pages
    that PyG's gigabytes have just been given back to the system.
    """
    name = 'GAT layer, 4 heads x 32, forward and backward, against PyG'
    in_turns = medians(*map(gat_step, KINDS), repeats=repeats)
    alone: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for _ in range(2):
        for kind in KINDS:
            alone[kind] += in_fresh_process('benchmarks.layers', 'gat', kind)['seconds']
    memory = [
        in_fresh_process('benchmarks.layers', 'gat', kind, '--memory')['extra_mb']
        for kind in KINDS
    ]
    return [
        faster(name, *(statistics.median(alone[kind]) for kind in KINDS), 8),
        faster(f'{name}: in turns in one process', *in_turns),
        share(f'{name}: peak extra memory', *memory, 0.1),
    ]


def gat_step(kind: str) -> Run:
    """One forward and backward pass of ours or of PyG's."""
    pattern, row = make_graph()
    edge_index = torch.stack([pattern.col.long(), row])
    torch.manual_seed(0)
    layer = {'ours': nn.GATConv, 'pyg': pyg.GATConv}[kind](128, 32, heads=4)
    x = torch.randn(pattern.rowptr.numel() - 1, 128)
    return lambda: layer(x, edge_index).sum().backward()


def gat_seconds(kind: str, repeats: int = 4) -> dict[str, list[float]]:
    """Of each step, after two that warm up."""
    step, seconds = gat_step(kind), []
    for _ in range(2 + repeats):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return {'seconds': seconds[2:]}


def gat_memory(kind: str) -> dict[str, float]:
    """MB that a second step takes beyond what was there before it."""
    step = gat_step(kind)
    step()  # what is made once and kept: the sorted graph, threads, code
    before = anonymous_memory()
    with PeakMemory(interval=0.002) as peak:
        step()
    return {'extra_mb': (peak.bytes - before) / MB}


class Net(torch.nn.Module):
    """Layers of one kind with ReLU and dropout, as PyG's examples write a GCN."""

    def __init__(self, layers, dropout=F.dropout, on_input: bool = False) -> None:
        super().__init__()
        self.layers = torch.nn.ModuleList(layers)
        self.dropout = dropout
        self.on_input = on_input

    def forward(self, x: Tensor, *graph: object) -> Tensor:
        """Logits of every node."""
        if self.on_input:
            x = self.dropout(x, p=0.5, training=self.training)
        for layer in self.layers[:-1]:
            x = self.dropout(layer(x, *graph).relu(), p=0.5, training=self.training)
        return self.layers[-1](x, *graph)


def gcn_figures(repeats: int) -> list[Figure]:
    """One epoch of a 3-layer GCN, 128-256-256-40, full batch, against PyG's."""
    pattern, row = make_graph()
    num_nodes = pattern.rowptr.numel() - 1
    edge_index = torch.stack([pattern.col.long(), row])
    adj_t = torch_csr(pattern, torch.ones(pattern.col.numel()))
    x, y = torch.randn(num_nodes, 128), torch.randint(40, (num_nodes,))
    widths = [(128, 256), (256, 256), (256, 40)]

    def epoch(make, *graph: object) -> Run:
        torch.manual_seed(0)
        net = Net(make(*width) for width in widths)
        optimizer = torch.optim.Adam(net.parameters())

        def step() -> None:
            optimizer.zero_grad()
            F.cross_entropy(net(x, *graph), y).backward()
            optimizer.step()

        return step

    def cached(conv):
        return lambda i, o: conv(i, o, cached=True)

    floor, ours, lists, csr = medians(
        epoch(torch.nn.Linear),
        epoch(nn.GCNConv, edge_index),
        epoch(cached(pyg.GCNConv), edge_index),
        epoch(cached(pyg.GCNConv), adj_t),
        repeats=repeats,
        warm_up=1,
    )
    name = 'GCN epoch, 3 layers of 256'
    less = 'minus the same without propagation'
    return [
        faster(f'{name}, against PyG with edge_index', ours, lists, 3),
        faster(f'{name}, against PyG with CSR adj_t', ours, csr, 1.2),
        faster(f'{name}, {less}, edge_index', ours - floor, lists - floor, 10),
        faster(f'{name}, {less}, CSR adj_t', ours - floor, csr - floor, 2),
        faster(f'{name}: the floor, without propagation', floor, ours, None),
    ]


def cora_figures(repeats: int) -> list[Figure]:
    """Real Cora, an epoch with validation, as PyG's example trains its GCN."""
    if not os.environ.get('GRAPHSPARSE_DATA'):
        print('GRAPHSPARSE_DATA names no folder of raw files: no figures on Cora')
        return []
    data = load('cora')
    data.x = data.x / data.x.sum(1, keepdim=True).clamp(min=1)

    def epoch(conv, dropout, hidden: int, **options: bool) -> Run:
        torch.manual_seed(0)
        layers = [conv(1433, hidden, **options), conv(hidden, 7, **options)]
        net = Net(layers, dropout, on_input=True)
        decays = [5e-4, 0]
        optimizer = torch.optim.Adam(
            [
                {'params': layer.parameters(), 'weight_decay': decay}
                for layer, decay in zip(layers, decays, strict=True)
            ],
            lr=0.01,
        )

        def step() -> None:
            net.train()
            optimizer.zero_grad()
            out = net(data.x, data.edge_index)
            F.cross_entropy(out[data.train_mask], data.y[data.train_mask]).backward()
            optimizer.step()
            net.eval()
            with torch.no_grad():
                pred = net(data.x, data.edge_index).argmax(-1)
            int((pred[data.val_mask] == data.y[data.val_mask]).sum())

        return step

    figures = []
    for hidden, bar in ((64, 10), (512, 4)):
        seconds = medians(
            epoch(nn.GCNConv, nn.dropout, hidden),
            epoch(pyg.GCNConv, F.dropout, hidden, cached=True),
            repeats=5 * repeats,
        )
        name = f'Cora, GCN of {hidden}, an epoch with validation, against PyG'
        figures.append(faster(name, *seconds, bar))
    return figures


def main() -> None:
    """Seconds or peak memory of one layer, for the process that collects them."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('layer', choices=['gat'])
    parser.add_argument('kind', choices=KINDS)
    parser.add_argument('--memory', action='store_true')
    options = parser.parse_args()
    torch.set_num_threads(2)
    measure = gat_memory if options.memory else gat_seconds
    print(json.dumps(measure(options.kind)))


if __name__ == '__main__':
    main()
