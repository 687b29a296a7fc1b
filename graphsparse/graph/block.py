from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.operator import Operator, gcn_degree, gcn_operator
from graphsparse.kernels import sample_neighbors


@dataclass(frozen=True, eq=False, repr=False)
class Block(Adjacency):
    """Some nodes with all edges into them, and the nodes those come from.

    A square graph, the targets first: what a conv gives for them is what it gives on
    the whole graph, if their features are given too. GCN's normalisation goes by the
    degrees of the whole graph. The other nodes have no edges into them here.

    Attributes:
        whole: The graph this is a part of.
        node: Where each node stands there, int64 ``[num_nodes]``.
        num_targets: How many of them are targets.
    """

    whole: Adjacency = None  # type: ignore[assignment]
    node: Tensor = None  # type: ignore[assignment]
    num_targets: int = 0

    @staticmethod
    def into(adj: Adjacency, targets: Tensor) -> Block:
        """The block of some distinct nodes of a graph.

        Raises:
            InputError: If the graph has two node sets.
            ValueError: If a target is out of range.
        """
        num_nodes = adj.num_nodes
        out = sample_neighbors(adj.rowptr, adj.col, targets, [-1], seed=0)
        place, loop = _loops_at(adj, targets)
        ends = torch.stack([out.source, out.target])
        ends = torch.cat([ends, place.expand(2, -1)], dim=1)
        weight = None
        if adj.weight is not None and adj.loop_weight is not None:
            weight = torch.cat([adj.weight[out.slot], adj.loop_weight[loop]])
        part = Adjacency.from_edge_index(
            ends, out.node.numel(), weight, undirected=False
        )
        if adj.mask is not None:
            part = replace(part, mask=adj.mask[out.slot][part.edge_id])
        assert out.node.numel() <= num_nodes
        return Block(
            **vars(part), whole=adj, node=out.node, num_targets=targets.numel()
        )

    def normalize(
        self,
        add_self_loops: bool = True,
        fill_value: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> Operator:
        """The rows of the whole graph's operator; those of other nodes mean nothing."""
        options = (add_self_loops, fill_value, dtype)
        whole = self.whole._derive(
            ('operator', 'degree', *options), lambda: gcn_degree(self.whole, *options)
        )
        degree = whole[self.node.to(whole.device)].to(self.col.device)
        return gcn_operator(self, *options, degree=degree)


def _loops_at(adj: Adjacency, targets: Tensor) -> tuple[Tensor, Tensor]:
    """The place of each self-loop among the targets, and its own among the loops."""
    first = torch.searchsorted(adj.loop, targets)
    count = torch.searchsorted(adj.loop, targets, right=True) - first
    place = torch.repeat_interleave(count)
    begin = (count.cumsum(0) - count)[place]
    return place, first[place] + torch.arange(place.numel()) - begin
