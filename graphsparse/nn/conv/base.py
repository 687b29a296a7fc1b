"""What the convs on our kernels share, and when PyG's own forward runs instead."""

from __future__ import annotations

from typing import Any, ClassVar

import torch
from torch import Tensor
from torch_geometric.nn import MessagePassing
from torch_geometric.nn.aggr import (
    MaxAggregation,
    MeanAggregation,
    MinAggregation,
    SumAggregation,
)

from graphsparse.graph import Adjacency
from graphsparse.nn.conv.inputs import Nodes

_REDUCE = {
    SumAggregation: 'sum',
    MeanAggregation: 'mean',
    MaxAggregation: 'max',
    MinAggregation: 'min',
}
_STAGES = ('propagate', 'message', 'aggregate', 'message_and_aggregate', 'edge_update')
_METHODS = frozenset([*_STAGES, 'update', 'edge_updater'])
_HOOKS = [f'_{stage}_forward{pre}_hooks' for stage in _STAGES for pre in ('_pre', '')]


class SparseConv:
    """Base of the convs that propagate on this library's kernels.

    A conv of ours derives from this and from one conv of PyG, whose constructor,
    parameters and attributes it keeps as they are; only ``forward`` is its own. It
    takes the graph as an ``edge_index``, an ``EdgeIndex`` or an
    :class:`~graphsparse.graph.Adjacency`. What the kernels do not serve runs PyG's
    forward.

    Attributes:
        reductions: The aggregations that the kernels serve in this conv.
    """

    reductions: ClassVar[tuple[str, ...]] = ('sum',)
    _keeps_methods: ClassVar[bool] = True
    _orig_propagate: ClassVar[Any]

    def __init_subclass__(cls, **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)
        # Decided here, once: PyG replaces `propagate` when the first instance is made.
        ours = next(c for c in cls.__mro__ if SparseConv in c.__bases__)
        cls._keeps_methods = all(
            getattr(cls, name, None) is getattr(ours, name, None) for name in _METHODS
        )

    def _set_jittable_templates(self, raise_on_error: bool = False) -> None:
        super()._set_jittable_templates(raise_on_error)  # type: ignore[misc]
        if self._keeps_methods:
            # PyG takes the method that it wrote for the parent class for the original
            # one, and that knows nothing of explain mode.
            type(self)._orig_propagate = MessagePassing.propagate


def reduction(conv: MessagePassing) -> str | None:
    """How ``conv`` aggregates, in the kernels' words; None if they have none for it."""
    module = conv.aggr_module
    if module is None or module._forward_hooks or module._forward_pre_hooks:
        return None
    return _REDUCE.get(type(module))


def unserved(conv: MessagePassing, graph: Any, nodes: Nodes | None) -> str | None:
    """The option for which PyG's own forward has to run; None if our kernels serve."""
    if torch.jit.is_tracing():  # would bake the graph in
        return 'torch.jit.trace'
    raw = not isinstance(graph, Adjacency)
    if raw and not _is_edge_list(graph):
        return f'a graph of type {type(graph).__name__}'
    if raw and torch.compiler.is_compiling():
        return 'torch.compile over a raw edge_index'
    if nodes is None or conv.node_dim not in (-2, 0):
        return 'an x that is not [nodes, features]'
    if conv.flow != 'source_to_target':
        return f"flow='{conv.flow}'"
    if conv.decomposed_layers > 1:
        return f'decomposed_layers={conv.decomposed_layers}'
    if conv.explain:
        return 'explain=True'
    if reduction(conv) not in conv.reductions:
        return f'aggr={conv.aggr!r}'
    if not conv._keeps_methods or _is_patched(conv):
        return 'a message passing method of your own'
    if any(getattr(conv, hooks) for hooks in _HOOKS):
        return 'message passing hooks'
    return None


def _is_edge_list(graph: Any) -> bool:
    return (
        isinstance(graph, Tensor)
        and graph.layout == torch.strided
        and graph.dtype in (torch.int64, torch.int32)
        and graph.dim() == 2
        and graph.size(0) == 2
    )


def _is_patched(conv: MessagePassing) -> bool:
    """Whether a method was replaced on this very instance, by other than PyG."""
    own = _METHODS & conv.__dict__.keys()
    if own == {'propagate'}:  # PyG puts its own there as explain is switched back
        cls, method = type(conv), getattr(conv.propagate, '__func__', None)
        return method not in (cls._orig_propagate, cls._jinja_propagate)
    return bool(own)
