"""Random graphs and operands, good and bad, each a function of its number alone."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

from graphsparse.graph import Adjacency
from graphsparse.kernels import Pattern

FLOATS = (torch.float32,) * 4 + (torch.float64, torch.bfloat16, torch.float16)
WIDTHS = (0, 1, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 65)


class Dice(random.Random):
    """Python's dice; tensors come of a generator with the same seed."""

    def __init__(self, seed: int) -> None:
        super().__init__(seed)
        self.torch = torch.Generator().manual_seed(seed)

    def chance(self, share: float) -> bool:
        return self.random() < share

    def numbers(self, *shape: int, dtype=torch.float32, wild=False) -> Tensor:
        """Normal numbers; a few of them neither finite nor small if ``wild``."""
        out = torch.randn(shape, generator=self.torch).to(dtype)
        if wild and out.numel():
            for bad in self.sample([math.nan, math.inf, -math.inf, 0.0, 1e4], 2):
                out.view(-1)[self.randrange(out.numel())] = bad
        return self.lay(out)

    def lay(self, tensor: Tensor) -> Tensor:
        """The same numbers, or one row's for all, in another layout of memory."""
        kind = self.randrange(8)
        if kind == 0 and tensor.dim() > 1:
            return tensor.transpose(0, -1).contiguous().transpose(0, -1)
        if kind == 1 and tensor.dim():
            return torch.stack([tensor, tensor.logical_not().to(tensor.dtype)], -1)[
                ..., 0
            ]
        if kind == 2 and tensor.dim() and tensor.size(0):
            return tensor[:1].expand(tensor.shape)
        return tensor

    def ids(self, size: int, below: int, dtype=torch.int64) -> Tensor:
        return self.lay(torch.tensor(self.choices(range(below), k=size), dtype=dtype))

    def other_shape(self, tensor: Tensor) -> Tensor:
        """A tensor of a shape that is likely to be wrong."""
        kind = self.randrange(6)
        if kind == 0:
            return tensor[:-1] if tensor.dim() else tensor.unsqueeze(0)
        if kind == 1:
            return torch.cat([tensor, tensor[-1:]]) if tensor.dim() else tensor
        if kind == 2:
            return tensor.unsqueeze(self.randrange(tensor.dim() + 1))
        if kind == 3:
            return tensor.sum()
        if kind == 4:
            return tensor.flatten()
        return torch.cat([tensor, tensor], -1) if tensor.dim() else tensor


@dataclass
class EdgeList:
    """What a user gives to ``Adjacency.from_edge_index``."""

    edge_index: Tensor
    num_nodes: int | tuple[int, int]
    weight: Tensor | None
    good: bool = True

    @property
    def num_src(self) -> int:
        return (
            self.num_nodes[0] if isinstance(self.num_nodes, tuple) else self.num_nodes
        )

    @property
    def num_dst(self) -> int:
        return (
            self.num_nodes[1] if isinstance(self.num_nodes, tuple) else self.num_nodes
        )


def draw_edges(dice: Dice) -> EdgeList:
    """Any multigraph: loops, copies, hubs, both ways or one, two node sets, empty."""
    num_src = num_dst = dice.choice((0, 1, 2, 3, 5, 8, 13, 40))
    square = dice.chance(0.75)
    if not square:
        num_dst = dice.choice((0, 1, 4, 9))
    size = dice.choice((0, 1, 3, 8, 20, 50, 150)) if num_src and num_dst else 0
    src = dice.choices(range(num_src), k=size)
    dst = dice.choices(range(num_dst), k=size)
    if dice.chance(0.2):
        dst = dst[:1] * size  # a hub
    if square and dice.chance(0.4):
        src, dst = src + dst, dst + src
    dtype = dice.choice((torch.int64, torch.int64, torch.int32))
    edge_index = torch.tensor([src, dst], dtype=dtype).view(2, -1)
    weight = None
    if dice.chance(0.3):
        weight = dice.numbers(edge_index.size(1), dtype=dice.choice(FLOATS)).abs()
    nodes = num_src if square else (num_src, num_dst)
    return EdgeList(dice.lay(edge_index.t()).t(), nodes, weight)


def spoil(dice: Dice, edges: EdgeList) -> EdgeList:
    """The edge list with one mistake in it."""
    edge_index, nodes, weight = edges.edge_index.clone(), edges.num_nodes, edges.weight
    size, kind = edge_index.size(1), dice.randrange(8)
    if kind <= 2 and size:
        end = dice.randrange(2)
        below = (edges.num_src, edges.num_dst)[end]
        bad = dice.choice((-1, -(2**31), below, below + 1, 2**31 - 1))
        edge_index[end, dice.randrange(size)] = bad
    elif kind <= 4:
        wrong = (
            *(edge_index.to(t) for t in (torch.float32, torch.bool, torch.int16)),
            *(edge_index.to(t) for t in (torch.uint8, torch.complex64)),
            *(edge_index[0], edge_index[:1], edge_index.unsqueeze(0)),
            *(torch.cat([edge_index, edge_index[:1]]), edge_index.sum()),
            *(edge_index.tolist(), None, edge_index.to_sparse()),
        )
        edge_index = dice.choice(wrong)
    elif kind == 5:
        wrong = -1, 1.5, 'ten', None, (3,), (3, -1), (1, 2, 3), math.nan
        nodes = dice.choice(wrong)
    else:
        weight = dice.numbers(size)
        wrong = torch.cat([weight, weight.new_ones(1)]), weight.view(-1, 1, 1), 'heavy'
        weight = dice.choice((*wrong, weight.to(torch.complex64), weight.sum()))
        if size and dice.chance(0.5):
            weight = dice.numbers(size, dtype=dice.choice(FLOATS)).clone()
            weight[dice.randrange(size)] = dice.choice((math.nan, math.inf, -math.inf))
    return EdgeList(edge_index, nodes, weight, good=False)


@dataclass
class Graph:
    """A pattern as the kernels take it, and its sizes."""

    pattern: Pattern
    rows: int
    cols: int
    slots: int
    square: bool

    @property
    def csr(self) -> tuple[Tensor, Tensor]:
        return self.pattern.rowptr, self.pattern.col

    @property
    def degree(self) -> int:
        return max([int(self.pattern.rowptr.diff().max()) if self.rows else 0, 1])


def draw_graph(dice: Dice, adj: Adjacency) -> Graph:
    """One of the patterns of a graph, in either type of columns."""
    square = adj.num_src == adj.num_dst
    kinds = ['none', 'given'] + ['all'] * square
    pattern = adj.pattern(dice.choice(kinds))
    if dice.chance(0.3):
        rowptr, col, perm, t_rowptr, t_col, t_perm = pattern
        wide = [t if t is None else t.long() for t in (col, perm, t_col, t_perm)]
        pattern = Pattern(rowptr, *wide[:2], t_rowptr, *wide[2:])
    if dice.chance(0.2):
        pattern = pattern.transpose()
    sizes = pattern.rowptr.numel() - 1, pattern.t_rowptr.numel() - 1
    return Graph(pattern, *sizes, pattern.col.numel(), square)


def assert_is_graph(pattern: Pattern, edges: EdgeList, adj: Adjacency) -> None:
    """That a pattern with the given loops holds the caller's edges, sorted, and that
    its transpose does too.
    """
    source, target = edges.edge_index.tolist()
    arcs = sorted(zip(target, source, range(len(source)), strict=True))
    position = torch.cat([adj.edge_id, adj.loop_id])
    place = range(len(source)) if pattern.perm is None else pattern.perm.tolist()
    found = position[list(place)].tolist()
    assert _arcs(pattern, found) == arcs
    back = position[pattern.t_perm.tolist()].tolist()
    turned = sorted(zip(source, target, range(len(source)), strict=True))
    assert _arcs(pattern.transpose(), back) == turned


def _arcs(pattern: Pattern, position: list[int]) -> list[tuple[int, int, int]]:
    ends, col = pattern.rowptr.tolist(), pattern.col.tolist()
    assert ends[0] == 0 and ends[-1] == len(col)
    return [
        (row, col[k], position[k])
        for row, (begin, end) in enumerate(pairwise(ends))
        for k in range(begin, end)
    ]
