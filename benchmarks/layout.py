"""What making an Adjacency costs, and what reordering its nodes gains.

    python -m benchmarks.layout

Costs are multiples of one ``spmm`` of 128 features on the same graph in the same
process; gains are medians of ``spmm`` before over after. Run it in a process that
keeps its heap (``benchmarks.kernels.HEAP_KEPT``), or page faults of the output hide
part of the gain.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
from torch import Tensor
from torch_geometric.data import Data

from benchmarks.measure import make_graph, median
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.graph.operator import in_slot_order
from graphsparse.kernels import Pattern, spmm
from graphsparse.transforms import Reorder


def shuffle(edge_index: Tensor, num_nodes: int, seed: int = 0) -> Tensor:
    """The same graph under random node ids."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randperm(num_nodes, generator=generator)[edge_index]


def both_ways(edge_index: Tensor) -> Tensor:
    """With the twin of every arc."""
    return torch.cat([edge_index, edge_index.flip(0)], 1)


def grid(side: int = 512) -> tuple[Tensor, int]:
    """A square grid; each node is linked to the four beside it."""
    node = torch.arange(side * side).view(side, side)
    across = torch.stack([node[:, :-1].reshape(-1), node[:, 1:].reshape(-1)])
    down = torch.stack([node[:-1].reshape(-1), node[1:].reshape(-1)])
    return both_ways(torch.cat([across, down], 1)), side * side


def communities(count: int = 660, size: int = 256) -> tuple[Tensor, int]:
    """Sixteen random edges a node, nine in ten inside its community."""
    generator = torch.Generator().manual_seed(0)
    num_nodes, num_pairs = count * size, count * size * 8
    u = torch.randint(num_nodes, (num_pairs,), generator=generator)
    near = u // size * size + torch.randint(size, (num_pairs,), generator=generator)
    far = torch.randint(num_nodes, (num_pairs,), generator=generator)
    inside = torch.rand(num_pairs, generator=generator) < 0.9
    return both_ways(torch.stack([u, torch.where(inside, near, far)])), num_nodes


def power_law(twins: bool) -> tuple[Tensor, int]:
    """The generator's graph of ogbn-arxiv's size, its arcs shuffled."""
    pattern, row = make_graph()
    generator = torch.Generator().manual_seed(3)
    order = torch.randperm(row.numel(), generator=generator)
    edge_index = torch.stack([pattern.col.long(), row])[:, order]
    half = edge_index[:, : row.numel() // 2]
    return both_ways(half) if twins else edge_index, pattern.rowptr.numel() - 1


def build(edge_index: Tensor, num_nodes: int) -> None:
    """All that a training reads: transpose, twins, edges, patterns with loops."""
    adj = Adjacency.from_edge_index(edge_index, num_nodes)
    adj.edge()
    adj.prepare()
    in_slot_order(adj.pattern('all'))


def interleaved(runs: dict[str, Callable[[], object]], rounds: int = 7) -> Iterator:
    """Names with their median seconds; all take their turn in every round."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            seconds[name].append(median(run, 1))
    for name, taken in seconds.items():
        yield name, sorted(taken)[rounds // 2]


def main() -> None:
    """Print both tables."""
    torch.set_num_threads(2)
    for twins in (False, True):
        edge_index, num_nodes = power_law(twins)
        pattern = Adjacency.from_edge_index(edge_index, num_nodes).pattern('none')
        x, value = torch.randn(num_nodes, 128), torch.rand(pattern.col.numel())
        seconds = dict(
            interleaved(
                {
                    'spmm': lambda p=pattern, x=x, v=value: spmm(p, x, v),
                    'build': lambda e=edge_index, n=num_nodes: build(e, n),
                }
            )
        )
        kind = 'undirected' if twins else 'directed'
        print(f'{kind}: built in {seconds["build"] / seconds["spmm"]:.2f} spmm')

    graphs = {
        'grid': grid(),
        'communities': communities(),
        'power law': power_law(True),
    }
    for name, (edge_index, num_nodes) in graphs.items():
        data = Data(edge_index=shuffle(edge_index, num_nodes), num_nodes=num_nodes)
        x = torch.randn(num_nodes, 128)

        def run(data: Data, x: Tensor = x) -> Callable[[], Tensor]:
            pattern: Pattern = to_adjacency(data).pattern('none')
            return lambda: spmm(pattern, x)

        runs = {'shuffled': run(data)}
        for order in ('rcm', 'degree', 'partition'):
            runs[order] = run(Reorder(order)(data))
        seconds = dict(interleaved(runs))
        gains = (f'{k} {seconds["shuffled"] / s:.2f}x' for k, s in seconds.items())
        print(f'{name}: {", ".join(gains)}')


if __name__ == '__main__':
    main()
