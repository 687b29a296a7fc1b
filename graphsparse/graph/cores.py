from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.graph.adjacency import Adjacency


def core_numbers(adj: Adjacency) -> Tensor:
    """The largest k such that a node is in the k-core.

    The k-core is what is left when nodes of fewer than k edges are removed until
    there are none (Seidman 1983). Peeled shell by shell: all nodes of degree at most
    k go at once, and their neighbours' degrees fall. Every arc is read once, and a
    node is looked over once for each k up to its core number, which its degree
    bounds, so the work is linear in the arcs (as Batagelj & Zaversnik 2003); but a
    long path takes as many rounds as half its nodes.

    Args:
        adj: The graph. Self-loops do not count, parallel arcs count each. In a
            directed graph a node's degree is in- plus out-degree, as in networkx.

    Returns:
        int64 ``[nodes]``; 0 for isolated nodes.

    Raises:
        InputError: If sources and targets are two node sets.
    """
    num_nodes = adj.num_nodes  # refuses two node sets
    ways = [(adj.rowptr, adj.col)]
    if not adj.undirected:
        ways.append(adj.transpose()[:2])
    degree = torch.stack([rowptr.diff() for rowptr, _ in ways]).sum(0)
    left = torch.arange(num_nodes, device=degree.device)
    core = torch.zeros_like(left)
    here = torch.ones_like(left, dtype=torch.bool)
    while left.numel():
        k = int(degree[left].min())
        shell = left[degree[left] == k]
        while shell.numel():
            core[shell], here[shell] = k, False
            near = torch.cat([_neighbours(*way, shell) for way in ways])
            near = near[here[near]]
            degree.index_add_(0, near, torch.full_like(near, -1))
            shell = near[degree[near] <= k].unique()
        left = left[here[left]]
    return core


def _neighbours(rowptr: Tensor, col: Tensor, rows: Tensor) -> Tensor:
    """Columns of the slots of some rows, one after the other, int64."""
    begin = rowptr[rows]
    count = rowptr[rows + 1] - begin
    shift = begin - (count.cumsum(0) - count)
    slot = torch.repeat_interleave(shift, count)
    slot += torch.arange(slot.numel(), device=slot.device)
    return col[slot].long()
