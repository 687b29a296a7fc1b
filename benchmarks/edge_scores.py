"""What every edge score costs, in products of the same graph with 128 features.

    python -m benchmarks.edge_scores [--arcs 1e7] [--undirected] [--scores a,b]

On the generator's graph with 13.7 arcs a node, 128 float32 features and two threads;
the Adjacency is ready with its transpose. The unit is the mean of the medians of
``spmm`` just before and just after the score; the peak is that of anonymous memory
while the score is made, above what was held before. Writes
``benchmarks/edge_scores.json``.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from dataclasses import replace
from pathlib import Path

import torch

from benchmarks.measure import Figure, make_graph, median
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


def main() -> None:
    """Measure, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--arcs', default='1e7', help='number of arcs')
    parser.add_argument('--undirected', action='store_true', help='arcs in twins')
    parser.add_argument('--scores', help='some names, comma-separated; all by default')
    parser.add_argument('--repeats', type=int, default=3)
    parser.add_argument('--out', type=Path, default=OUT)
    options = parser.parse_args()
    torch.set_num_threads(2)
    scores = find(EdgeScore)
    names = options.scores.split(',') if options.scores else list(scores)
    names.sort(key=lambda name: name in NO_BAR)  # the long one last
    adj = graph(int(float(options.arcs)), options.undirected)
    generator = torch.Generator().manual_seed(1)
    x = torch.randn(adj.num_nodes, 128, generator=generator)
    value, pattern = torch.rand(adj.num_arcs), adj.pattern('none')

    def unit() -> float:
        return median(lambda: spmm(pattern, x, value), 3, warm_up=0)

    head = {'threads': 2, 'torch': torch.__version__, 'arcs': adj.num_arcs}
    head['undirected'] = adj.undirected
    rows, before = [], unit()
    for name in names:
        held, seconds = anonymous_memory(), []
        with PeakMemory() as peak:
            for _ in range(1 if name in NO_BAR else options.repeats):
                fresh = replace(adj, _cache=dict(adj._cache))  # nothing kept for later
                start = time.perf_counter()
                scores[name]()(fresh, x)
                seconds.append(time.perf_counter() - start)
        after, bar = unit(), None if name in NO_BAR else BAR
        ours, product = statistics.median(seconds), (before + after) / 2
        figure = Figure(name, ours, product, ours / product, bar, at_most=True)
        megabytes = round((peak.bytes - held) / 1e6, 1)
        print(f'{figure}  {megabytes:.0f} MB, spmm {product:.2f} s', flush=True)
        rows.append(figure.row() | {'peak_mb': megabytes})
        options.out.write_text(json.dumps(head | {'figures': rows}) + '\n')
        before = after


if __name__ == '__main__':
    main()
