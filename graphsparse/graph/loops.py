from __future__ import annotations

import torch
from torch import Tensor


def last_of_each(node: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
    """Of several loops at one node the last given; ``node`` is ascending."""
    if node.numel() == 0:
        return node, value
    last = torch.cat([node[1:] != node[:-1], node.new_ones(1, dtype=torch.bool)])
    return node[last], value[last]
