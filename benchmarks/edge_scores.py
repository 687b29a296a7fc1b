"""What every edge score costs, in products of the same graph with 128 features.

    python -m benchmarks.edge_scores [--arcs 1e7] [--undirected] [--scores a,b]

Each score runs in a process of its own, on the generator's graph with 13.7 arcs a
node, 128 float32 features and two threads; the Adjacency is ready with its transpose.
The unit is the median of ``spmm`` in the same process, before and after the score;
the peak is that of anonymous memory while the score is made, above what graph and
features hold. Writes ``benchmarks/edge_scores.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from pathlib import Path

import torch

from benchmarks.measure import Figure, in_fresh_process, make_graph, median
from graphsparse.engine import PeakMemory, find
from graphsparse.engine.memory import anonymous_memory
from graphsparse.graph import Adjacency
from graphsparse.kernels import spmm
from graphsparse.pruning import EdgeScore

OUT = Path(__file__).with_suffix('.json')
BAR = 20
NO_BAR = ('effective_resistance',)


def graph(num_arcs: int, undirected: bool) -> Adjacency:
    """The generator's graph, or the first half of its arcs both ways; ready to use."""
    num_nodes = max(2, round(num_arcs / 13.7))
    pattern, row = make_graph(num_nodes, num_arcs)
    edge_index = torch.stack([pattern.col.long(), row])
    if undirected:
        generator = torch.Generator().manual_seed(3)
        half = torch.randperm(num_arcs, generator=generator)[: num_arcs // 2]
        edge_index = edge_index[:, half]
        edge_index = torch.cat([edge_index, edge_index.flip(0)], 1)
    adj = Adjacency.from_edge_index(edge_index, num_nodes, undirected=undirected)
    adj.edge()
    return adj.prepare()


def measure(name: str, num_arcs: int, undirected: bool, repeats: int) -> dict:
    """Seconds of a product and of a score, and the score's peak memory."""
    torch.set_num_threads(2)
    adj = graph(num_arcs, undirected)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(adj.num_nodes, 128, generator=generator)
    value, pattern = torch.rand(adj.num_arcs), adj.pattern('none')
    score = find(EdgeScore)[name]()
    products = [median(lambda: spmm(pattern, x, value), 3, warm_up=1)]
    before, seconds = anonymous_memory(), []
    with PeakMemory() as peak:
        for _ in range(1 if name in NO_BAR else repeats):
            start = time.perf_counter()
            score(adj, x)
            seconds.append(time.perf_counter() - start)
    products.append(median(lambda: spmm(pattern, x, value), 3, warm_up=1))
    return {
        'spmm': statistics.mean(products),
        'seconds': statistics.median(seconds),
        'peak_mb': round((peak.bytes - before) / 1e6, 1),
    }


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--arcs', default='1e7', help='number of arcs')
    parser.add_argument('--undirected', action='store_true', help='arcs in twins')
    parser.add_argument('--scores', help='some names, comma-separated; all by default')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--out', type=Path, default=OUT)
    parser.add_argument('--one', help='measure one score in this process')
    options = parser.parse_args()
    num_arcs, twins = int(float(options.arcs)), options.undirected
    if options.one:
        print(json.dumps(measure(options.one, num_arcs, twins, options.repeats)))
        return
    names = options.scores.split(',') if options.scores else list(find(EdgeScore))
    head = {'threads': 2, 'torch': torch.__version__, 'arcs': num_arcs}
    head['undirected'] = twins
    rows = []
    for name in names:
        flags = ['--arcs', options.arcs, '--repeats', str(options.repeats)]
        flags += ['--undirected'] if twins else []
        found = in_fresh_process('benchmarks.edge_scores', '--one', name, *flags)
        ratio = found['seconds'] / found['spmm']
        bar = None if name in NO_BAR else BAR
        figure = Figure(name, found['seconds'], found['spmm'], ratio, bar, at_most=True)
        print(f'{figure}  {found["peak_mb"]:.0f} MB', flush=True)
        rows.append(figure.row() | {'peak_mb': found['peak_mb']})
        options.out.write_text(json.dumps(head | {'figures': rows}) + '\n')


if __name__ == '__main__':
    main()
