"""The two ends of every edge, and what the two arcs of an edge have together."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency


def edge_ends(adj: Adjacency) -> Tensor:
    """Target and source of one arc of each edge, int64 ``[2, edges]``.

    Of an undirected edge the smaller node stands first.
    """
    slot = adj.edge_slot()
    return torch.stack([adj.row()[slot], adj.col[slot].long()])


def sum_over_twins(adj: Adjacency, per_arc: Tensor) -> Tensor:
    """Numbers of arcs ``[arcs]`` added up over the arcs of each edge, ``[edges]``."""
    if not adj.undirected:
        return per_arc
    slot = adj.edge_slot()
    return per_arc[slot] + per_arc[adj.transpose()[2][slot].long()]


def check_one_node_set(adj: Adjacency, score: object) -> None:
    """InputError where sources and targets differ and cannot be compared."""
    if adj.num_src != adj.num_dst:
        raise InputError(
            f'{score} compares the two ends of an edge as nodes of one kind, but '
            f'{adj} joins two node sets. Choose a score of degrees, such as '
            "'teddy' or 'local_degree'."
        )
