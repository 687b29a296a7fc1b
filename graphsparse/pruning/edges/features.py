"""What scores of features share: checks, blocks of columns, dots at the edges."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.kernels import Pattern, compact, sddmm
from graphsparse.pruning.edges.ends import check_one_node_set

_WIDTH = 64  # columns that are there in float64 at a time


def check_features(adj: Adjacency, x: Tensor | None, score: object) -> Tensor:
    """``x``, if it holds a row of features for each node.

    Raises:
        InputError: If it is missing or of another size, or sources and targets are
            two node sets.
    """
    check_one_node_set(adj, score)
    if x is None:
        raise InputError(
            f'{score} reads node features, but x is None. Give x of shape '
            f"[{adj.num_nodes}, features], or a score of the edges alone: 'jaccard', "
            "'teddy'."
        )
    if x.dim() != 2 or x.size(0) != adj.num_nodes:
        raise InputError(
            f'{score} needs x with a row for each of the {adj.num_nodes} nodes (got '
            f'shape {list(x.shape)}).'
        )
    return x


def column_blocks(x: Tensor, width: int = _WIDTH) -> Iterator[Tensor]:
    """``x`` as dense float64 ``[nodes, width]``, a few columns at a time.

    Args:
        x: ``[nodes, features]`` of any type; dense or a torch sparse matrix.
        width: Columns a block.
    """
    if x.layout == torch.strided:
        for block in x.split(width, dim=1) if x.size(1) else ():
            yield block.double()
        return
    entries = x.to_sparse_coo().coalesce()
    (row, col), value = entries.indices(), entries.values().double()
    order = torch.argsort(col, stable=True)
    row, col, value = row[order], col[order], value[order]
    begins = torch.arange(0, x.size(1) + width, width, device=x.device)
    ends = torch.searchsorted(col, begins).tolist()
    for number, (begin, end) in enumerate(pairwise(ends)):
        part = slice(begin, end)
        block = value.new_zeros(x.size(0), width)
        block[row[part], col[part] - number * width] = value[part]
        yield block


def dots(
    adj: Adjacency, x: Tensor, change: Callable[[Tensor], Tensor] | None = None
) -> tuple[Tensor, Tensor]:
    """Inner products of the features of every edge's ends, and of every node's own.

    Args:
        adj: The graph.
        x: ``[nodes, features]``, dense or sparse.
        change: Applied to each block of features first.

    Returns:
        float64 ``[edges]`` and ``[nodes]``.
    """
    pattern = _one_arc_an_edge(adj)
    across = torch.zeros(adj.num_edges, dtype=torch.float64, device=x.device)
    own = torch.zeros(adj.num_nodes, dtype=torch.float64, device=x.device)
    for block in column_blocks(x):
        part = (block if change is None else change(block)).contiguous()
        across += sddmm(pattern, part, part)
        own += part.square().sum(1)
    return across, own


def _one_arc_an_edge(adj: Adjacency) -> Pattern:
    """Slots are edges: the other one of two twins would have the same product."""
    if not adj.undirected:
        return Pattern(adj.rowptr, adj.col)
    rowptr, col, _ = compact(adj.rowptr, adj.col, adj.row() < adj.col)
    return Pattern(rowptr, col)
