from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from graphsparse.kernels.check import check_ids, check_slots
from graphsparse.kernels.draw import draw, number_nodes
from graphsparse.kernels.pattern import row_ids


class NeighborSample(NamedTuple):
    """A sampled neighbourhood: some nodes, numbered anew, and arcs among them.

    Shapes: ``node`` ``[nodes]``; ``source``, ``target`` and ``slot`` ``[arcs]``; all
    int64. ``node`` holds the given ids, seeds first, then in the order of discovery;
    arc ``a`` goes from ``node[source[a]]`` to ``node[target[a]]`` and stood at
    ``slot[a]`` of the graph's CSR. ``target`` ascends, so the arcs are in CSR order.
    PyG's ``SamplerOutput`` calls them ``row=source, col=target``.

    ``num_sampled_nodes`` counts the seeds, then what each hop discovered;
    ``num_sampled_edges`` the arcs of each hop.
    """

    node: Tensor
    source: Tensor
    target: Tensor
    slot: Tensor
    num_sampled_nodes: list[int]
    num_sampled_edges: list[int]


def sample_neighbors(
    rowptr: Tensor,
    col: Tensor,
    seeds: Tensor,
    fanouts: Sequence[int],
    *,
    seed: int,
    weight: Tensor | None = None,
    replace: bool = False,
) -> NeighborSample:
    """Node-wise sampling of in-neighbours, hop by hop (Hamilton et al., NeurIPS 2017).

    Hop ``h`` expands what hop ``h - 1`` discovered; a node is expanded once. What a
    node draws depends on ``(seed, hop, node)`` alone: not on the number of threads or
    workers, nor on the rest of the batch. Give each epoch a seed of its own.

    Args:
        rowptr: Row ends of a square CSR, row = target, int64 ``[nodes + 1]``.
        col: Source of each slot, int32 or int64 ``[slots]``.
        seeds: Nodes to start from, ``[seeds]``. A repeated one is expanded again, to
            the same arcs; arcs that reach it go to its first copy.
        fanouts: How many arcs a node draws in each hop; -1 takes all.
        seed: Any integer.
        weight: At least 0, with a finite sum, ``[slots]``: the next arc is drawn in
            proportion to it among those left. A slot of weight 0 is never drawn; so a
            node may have fewer arcs than its fan-out, or none.
        replace: Whether an arc may be drawn again. Without, a node of at most
            ``fanout`` arcs gives each of them once, in order.

    Raises:
        ValueError: If a seed node or fan-out is out of range, or a weight that was
            looked at is not valid.
    """
    num_nodes = rowptr.numel() - 1
    check_slots('weight', weight, col)
    node = check_ids('seeds', seeds, rowptr)
    for fanout in fanouts:
        if fanout < -1:
            raise ValueError(f'A fan-out is at least 0, or -1 for all (got {fanout}).')
    begin, num_sampled_nodes = 0, [node.numel()]
    sources, targets, slots = ([node[:0]] for _ in range(3))
    for hop, fanout in enumerate(fanouts):
        drawn = draw(
            rowptr,
            col,
            node[begin:],
            fanout,
            seed=seed,
            step=hop,
            weight=weight,
            replace=replace,
        )
        source, fresh = number_nodes(node, drawn.found, num_nodes)
        sources.append(source)
        targets.append(row_ids(drawn.ends, source.numel()) + begin)
        slots.append(drawn.slot)
        begin, node = node.numel(), torch.cat([node, fresh])
        num_sampled_nodes.append(fresh.numel())
    return NeighborSample(
        node,
        torch.cat(sources),
        torch.cat(targets),
        torch.cat(slots),
        num_sampled_nodes,
        [slot.numel() for slot in slots[1:]],
    )
