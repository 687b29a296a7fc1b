"""Self-loops among sorted rows."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels import segment_reduce
from graphsparse.kernels.pattern import row_ids


def merge_loops(
    rowptr: Tensor, col: Tensor, perm: Tensor, node: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Set self-loops at ``node`` (ascending) into sorted rows; no sorting needed."""
    num_rows, num_arcs = rowptr.numel() - 1, col.numel()
    count = torch.bincount(node, minlength=num_rows)
    ends = torch.cat([count.new_zeros(1), count.cumsum(0)])
    row = row_ids(rowptr, num_arcs)
    after = col > row
    place = torch.arange(num_arcs, device=col.device) + ends[row] + after * count[row]
    below = segment_reduce(rowptr, (~after).double()).long()
    rank = torch.arange(node.numel(), device=col.device)
    loop_place = rowptr[node] + below[node] + rank
    total = num_arcs + node.numel()
    new_col, new_perm = col.new_empty(total), perm.new_empty(total)
    new_col[place], new_perm[place] = col, perm
    new_col[loop_place] = node.to(col.dtype)
    new_perm[loop_place] = (rank + num_arcs).to(perm.dtype)
    return rowptr + ends, new_col, new_perm


def last_of_each(node: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Of several loops at one node the last given; ``node`` is ascending."""
    if node.numel() == 0:
        return node, value
    last = torch.cat([node[1:] != node[:-1], node.new_ones(1, dtype=torch.bool)])
    return node[last], value[last]
