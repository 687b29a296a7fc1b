"""What kind of graph it is, in numbers: before and after edges are removed.

All of them read the simple graph below: directions, parallel arcs and self-loops do
not count.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.evaluation.power_law import fit_power_law
from graphsparse.graph import Adjacency

CELLS = 1 << 20  # pairs of source and node that one search marks at a time


def describe_graph(
    adj: Adjacency,
    y: Tensor | None = None,
    x_min: int | None = None,
    num_sources: int = 100,
    seed: int = 0,
) -> dict[str, Any]:
    """A graph in numbers, JSON-able; None stands where there is nothing to measure.

    Args:
        adj: The graph.
        y: Labels, for the homophily; see :func:`edge_homophily`.
        x_min: Degree where the power law begins; give that of the whole graph to
            compare a sparse one with it. See :func:`fit_power_law`.
        num_sources: See :func:`effective_diameter`.
        seed: Of the sources drawn.
    """
    simple = _simple(adj)
    degree = simple.degree()
    sizes = _components(simple).bincount()
    law = fit_power_law(degree, x_min)
    facts = {
        'nodes': adj.num_nodes,
        'edges': adj.num_edges,
        'arcs': adj.num_arcs,
        'loops': adj.num_loops,
        'isolated': adj.num_isolated(),
        'components': sizes.numel(),
        'largest_component': int(sizes.max()) if sizes.numel() else 0,
        'mean_degree': float(degree.double().mean()),
        'max_degree': int(degree.max()) if degree.numel() else 0,
        'power_law_exponent': law.exponent,
        'power_law_error': law.error,
        'power_law_x_min': law.x_min,
        'treeness': treeness(simple),
        'effective_diameter': effective_diameter(simple, num_sources, seed=seed),
        'homophily': math.nan if y is None else edge_homophily(simple, y),
    }
    return {k: v if math.isfinite(v) else None for k, v in facts.items()}


def edge_homophily(adj: Adjacency, y: Tensor) -> float:
    """Share of the edges whose ends have one label; NaN without edges.

    Zhu et al., "Beyond Homophily in Graph Neural Networks", NeurIPS 2020.

    Args:
        adj: The graph.
        y: Class of each node; edges of nodes labelled below 0 or NaN do not count.

    Raises:
        InputError: If ``y`` does not hold one label for each node.
    """
    y = y.squeeze(-1) if y.dim() == 2 and y.size(1) == 1 else y
    if y.shape != (adj.num_nodes,):
        raise InputError(
            f'y has to hold one label for each of the {adj.num_nodes} nodes (got shape '
            f'{list(y.shape)}).'
        )
    simple = _simple(adj)
    ends = y[simple.row()], y[simple.col.long()]
    labelled = (ends[0] >= 0) & (ends[1] >= 0)
    return _share(int((ends[0] == ends[1])[labelled].sum()), int(labelled.sum()))


def treeness(adj: Adjacency) -> float:
    """How near the largest component is to a tree: (nodes - 1) / edges.

    Returns:
        1 for a tree, 2 / nodes for a complete graph; NaN without edges.
    """
    simple = _simple(adj)
    component = _components(simple)
    sizes = component.bincount()
    if not sizes.numel():
        return math.nan
    inside = component == sizes.argmax()
    return _share(int(sizes.max()) - 1, int(simple.degree()[inside].sum()) // 2)


def effective_diameter(
    adj: Adjacency, num_sources: int | None = None, share: float = 0.9, seed: int = 0
) -> float:
    """Hops within which a share of all connected pairs of nodes reach one another.

    Interpolated between the whole hops, no pair being within 0 of them: Leskovec,
    Kleinberg & Faloutsos, "Graphs over Time", KDD 2005, section 3.2.

    Args:
        adj: The graph.
        num_sources: Nodes to measure from, drawn without replacement from those that
            have neighbours; None for all, which is exact.
        share: Of the pairs.
        seed: Of the draw.

    Returns:
        Hops; NaN without edges.

    Raises:
        InputError: If ``num_sources`` is below 1 or ``share`` not in (0, 1].
    """
    if num_sources is not None and num_sources < 1:
        raise InputError(f'num_sources has to be at least 1 (got {num_sources}).')
    if not 0 < share <= 1:
        raise InputError(f'share has to be in (0, 1] (got {share}).')
    simple = _simple(adj)
    sources = simple.degree().nonzero().squeeze(1)
    if num_sources is not None and num_sources < sources.numel():
        generator = torch.Generator().manual_seed(seed)
        drawn = torch.randperm(sources.numel(), generator=generator)[:num_sources]
        sources = sources[drawn.to(sources.device)]
    if not sources.numel():
        return math.nan
    within = np.cumsum([0, *_count_by_distance(simple, sources)])
    return float(np.interp(share, within / within[-1], np.arange(within.size)))


def _count_by_distance(simple: Adjacency, sources: Tensor) -> list[int]:
    """How many (source, node) pairs are 1, 2, ... hops apart, by breadth first."""
    nodes = simple.num_nodes
    counts: list[int] = []
    for block in sources.split(max(1, CELLS // nodes)):
        # Each source has its own copy of the nodes; copy k of node v is k * nodes + v.
        front = block + nodes * torch.arange(block.numel(), device=block.device)
        copies = nodes * block.numel()
        seen = torch.zeros(copies, dtype=torch.bool, device=block.device)
        winner = torch.empty(copies, dtype=torch.long, device=block.device)
        hop = 0
        while front.numel():
            seen[front] = True
            reached = _step(simple, front)
            reached = reached[~seen[reached]]
            # Of those that reach a node, the one that wrote last stands for it.
            place = torch.arange(reached.numel(), device=reached.device)
            winner[reached] = place
            front = reached[winner[reached] == place]
            hop += 1
            counts.extend([0] * (hop - len(counts)))
            counts[hop - 1] += front.numel()
    return counts[: max(i + 1 for i, count in enumerate(counts) if count)]


def _step(simple: Adjacency, front: Tensor) -> Tensor:
    """The neighbours of all, in their copies of the graph, with duplicates."""
    node = front % simple.num_nodes
    degree = simple.degree()[node]
    # Slots of a node's row follow one another: counted on from where the row begins.
    offset = simple.rowptr[node] - (degree.cumsum(0) - degree)
    slot = offset.repeat_interleave(degree)
    slot += torch.arange(slot.numel(), device=slot.device)
    return (front - node).repeat_interleave(degree) + simple.col[slot].long()


def _components(simple: Adjacency) -> Tensor:
    """Number of each node's component."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    col, rowptr = simple.col.cpu().numpy(), simple.rowptr.cpu().numpy()
    one = np.ones(col.size, dtype=np.int8)
    matrix = csr_array((one, col, rowptr), shape=(simple.num_nodes,) * 2)
    component = connected_components(matrix, directed=False)[1]
    return torch.from_numpy(component).long().to(simple.col.device)


def _simple(adj: Adjacency) -> Adjacency:
    """The undirected graph without parallel edges that has the same neighbours."""
    row, col = adj.row(), adj.col.long()
    parallel = (row[1:] == row[:-1]) & (col[1:] == col[:-1])
    if adj.undirected and not parallel.any():
        return adj
    low, high = torch.minimum(row, col), torch.maximum(row, col)
    pair = (low * adj.num_nodes + high).unique()
    ends = torch.stack([pair // adj.num_nodes, pair % adj.num_nodes])
    both = torch.cat([ends, ends.flip(0)], dim=1)
    return Adjacency.from_edge_index(both, adj.num_nodes, undirected=True)


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan
