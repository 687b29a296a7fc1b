from __future__ import annotations

from collections.abc import Iterable


def count_macs(
    num_nodes: int, num_weights: int, num_arcs: int, widths: Iterable[int]
) -> int:
    """Multiply-accumulates of one forward pass, counted as the ticket papers do.

    Every non-zero weight of a linear map costs one at every node, features counted
    dense; every arc costs one for each feature it carries, self-loops apart.

    Args:
        num_nodes: Nodes.
        num_weights: Non-zero weights of the linear maps.
        num_arcs: Stored directed edges, without self-loops.
        widths: Feature width at which each layer propagates.
    """
    return num_nodes * num_weights + num_arcs * sum(widths)
