"""How much a net bears: noise in features, edges led astray.

Two questions, two protocols. *At training*: search and train on the perturbed task,
``search(model, perturb_edges(task, 0.1))``. *At test time*: a net finished on the
clean task meets a perturbed graph, :func:`evaluate_perturbed`.
"""

from __future__ import annotations

import copy

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data.checks import check_float, check_seed
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.training.node import NodeTask
from graphsparse.training.task import Scores


def perturb_features(task: NodeTask, share: float, seed: int = 0) -> NodeTask:
    """The task with noise in place of some nodes' features.

    A coin for every feature, the row then divided by its sum. Training nodes stay as
    they are; of validation nodes, test nodes and all others, each group by itself,
    the share is drawn, rounded down. Huang et al., "You Can Have Better Graph Neural
    Networks by Not Training Weights at All", LoG 2022, where it is done before
    training.

    Args:
        task: Which nodes, labels and graph; never changed.
        share: Of the nodes of each group, in [0, 1].
        seed: Of nodes and noise.

    Raises:
        InputError: If the share is out of range.
    """
    check_float('share', share, 0, 1)
    generator = _generator(seed)
    x = task.graph.x.clone()
    train, val, test = task.index('train'), task.index('val'), task.index('test')
    other = torch.ones(x.size(0), dtype=torch.bool, device=x.device)
    other[torch.cat([train, val, test])] = False
    for group in (val, test, other.nonzero().squeeze(1)):
        drawn = group[_draw(group.numel(), share, generator).to(x.device)]
        coins = torch.rand(drawn.numel(), x.size(1), generator=generator) < 0.5
        noise = coins.to(x.dtype)
        noise /= noise.sum(dim=1, keepdim=True).clamp(min=1)
        x[drawn] = noise.to(x.device)
    graph = copy.copy(task.graph)
    graph.x = x
    return task.with_graph(graph)


def perturb_edges(
    task: NodeTask, share: float, seed: int = 0, official: bool = False
) -> NodeTask:
    """The task with one end of some edges moved to a node drawn at random.

    Any node but the edge's own two is as likely; parallel edges may arise. Where
    every arc has its twin, an edge is a pair of twins: either end may move, and both
    arcs follow. Elsewhere it is an arc, and its target moves. Attributes stay with
    their edge, self-loops are left alone. Huang et al., LoG 2022.

    Args:
        task: Which nodes, labels and graph; never changed.
        share: Of the edges, in [0, 1]; the count is rounded down.
        seed: Of edges and ends.
        official: As the authors' code: of all stored arcs, loops included, the target
            alone moves, to any node at all, so that the graph becomes directed.

    Raises:
        InputError: If the share is out of range, or there is no third node.
    """
    check_float('share', share, 0, 1)
    graph = copy.copy(task.graph)
    graph.edge_index = _move_ends(task.graph, share, _generator(seed), official)
    return task.with_graph(graph)


def evaluate_perturbed(
    task: NodeTask,
    model: Module,
    graph: Data | None = None,
    features: float = 0.0,
    edges: float = 0.0,
    seed: int = 0,
    official: bool = False,
) -> Scores:
    """Robustness at test time: what a finished net reaches on a perturbed graph.

    Args:
        task: The clean task.
        model: Trained on it.
        graph: The sparse graph of its ticket, perturbed after it was made sparse: a
            mask is of one graph and fits no other. The task's own by default.
        features: See :func:`perturb_features`.
        edges: Share of the edges of ``graph``; see :func:`perturb_edges`.
        seed: Of everything random.
        official: See :func:`perturb_edges`.
    """
    task = task if graph is None else task.with_graph(graph)
    task = perturb_features(task, features, seed)
    return perturb_edges(task, edges, seed, official).evaluate(model)


def _move_ends(
    graph: Data, share: float, generator: torch.Generator, official: bool
) -> Tensor:
    """The ``edge_index`` after the move, in the given order."""
    edge_index, num_nodes = graph.edge_index.clone(), graph.x.size(0)
    device = edge_index.device

    def integers(high: int, size: int) -> Tensor:
        return torch.randint(high, (size,), generator=generator).to(edge_index)

    if official:
        drawn = _draw(edge_index.size(1), share, generator).to(device)
        edge_index[1, drawn] = integers(num_nodes, drawn.numel())
        return edge_index
    adj = to_adjacency(graph)
    drawn = _draw(adj.num_edges, share, generator).to(device)
    if not drawn.numel():
        return edge_index
    if num_nodes < 3:
        raise InputError(f'An edge of a graph of {num_nodes} nodes cannot move.')
    slot = adj.edge_slot()[drawn]
    stays, moves = adj.col[slot].long(), adj.row()[slot]
    if adj.undirected:
        coin = integers(2, drawn.numel()).bool()
        stays, moves = torch.where(coin, stays, moves), torch.where(coin, moves, stays)
    node = integers(num_nodes - 2, drawn.numel()).long()  # one of those left...
    node += node >= torch.minimum(stays, moves)  # ...without the first end
    node += node >= torch.maximum(stays, moves)  # ...and without the second
    old, new = node.new_full((2, adj.num_edges), -1)
    old[drawn], new[drawn] = moves, node
    old, new = old[adj.edge()], new[adj.edge()]
    ends = torch.stack([adj.col.long(), adj.row()])
    edge_index[:, adj.edge_id] = torch.where(ends == old, new, ends).to(edge_index)
    return edge_index


def _draw(total: int, share: float, generator: torch.Generator) -> Tensor:
    """That share of ``0..total-1``, rounded down, without replacement."""
    # 0.29 * 100 is 28.999999999999996: the nudge keeps whole products whole.
    count = int(share * total + 1e-9)
    return torch.randperm(total, generator=generator)[:count]


def _generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(check_seed(seed))
