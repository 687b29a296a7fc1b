from __future__ import annotations

from torch import Tensor

from graphsparse.kernels.check import check_ids
from graphsparse.kernels.draw import draw, locate_nodes, number_nodes
from graphsparse.kernels.select import compact


def induced_subgraph(
    rowptr: Tensor, col: Tensor, nodes: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The arcs of a square CSR among some nodes, numbered in the order given.

    Args:
        rowptr: Row ends, int64 ``[all nodes + 1]``.
        col: Columns, int32 or int64 ``[slots]``.
        nodes: Distinct nodes, ``[nodes]``.

    Returns:
        ``(rowptr, col, slot)``: row ends ``[nodes + 1]``, columns as places in
        ``nodes`` in the type of ``col``, and the slot of each arc in the given CSR,
        int64. Within a row the given order is kept.

    Raises:
        ValueError: If a node is out of range or stands there twice.
    """
    num_nodes = rowptr.numel() - 1
    nodes = check_ids('nodes', nodes, rowptr)
    _check_distinct(nodes, num_nodes)
    every = draw(rowptr, col, nodes)
    place = locate_nodes(nodes, every.found, num_nodes)
    ends, place, kept = compact(every.ends, place, place >= 0)
    return ends, place.to(col.dtype), every.slot[kept]


def _check_distinct(nodes: Tensor, num_nodes: int) -> None:
    number, fresh = number_nodes(nodes[:0], nodes, num_nodes)
    if fresh.numel() < nodes.numel():
        again = int(nodes[number.diff(prepend=number.new_tensor([-1])) <= 0][0])
        raise ValueError(
            f'nodes has to hold each node once, but {again} stands there again; '
            'torch.unique makes them distinct.'
        )
