from __future__ import annotations

import copy
from typing import TypeVar

from torch.nn import Module
from torch_geometric.nn import MessagePassing

from graphsparse.engine import InputError, find
from graphsparse.nn.conv import SparseConv

M = TypeVar('M', bound=Module)


def accelerate(model: M) -> M:
    """A copy of a PyG model that propagates on this library's kernels.

    Every conv of PyG that has a :class:`~graphsparse.nn.SparseConv` of ours becomes
    one; subclasses of your own stay as they are. Parameters, ``state_dict`` keys and
    outputs are the same, and the copy also takes an
    :class:`~graphsparse.graph.Adjacency` where the model hands ``edge_index`` on.

    Args:
        model: Any module, e.g. a ``BasicGNN``, a ``Sequential`` or your own. It is
            not changed.

    Raises:
        InputError: If ``model`` is no module.

    Example:
        >>> model = accelerate(torch_geometric.nn.GCN(1433, 64, 2, 7))
        >>> out = model(data.x, data.edge_index)
    """
    if not isinstance(model, Module):
        raise InputError(
            f'A model has to be a torch.nn.Module (got {type(model).__name__}).'
        )
    ours = {
        base: conv
        for conv in find(SparseConv).values()
        for base in conv.__bases__
        if issubclass(base, MessagePassing) and not issubclass(base, SparseConv)
    }
    model = copy.deepcopy(model)
    for module in model.modules():
        # Sound because a conv of ours adds methods and nothing else: the attributes
        # that PyG's constructor made are all it has, and its forward reads those.
        # The module stays the same object, so hooks, sharing and optimisers hold.
        if type(module) in ours:
            module.__class__ = ours[type(module)]  # type: ignore[assignment]
    return model


def with_soft_masks(model: M) -> M:
    """A copy of ``model`` all of whose convs know soft masks of an Adjacency's edges.

    Raises:
        InputError: If a conv is of a kind that has none of ours.
    """
    model = accelerate(model)
    for module in model.modules():
        if isinstance(module, MessagePassing) and not isinstance(module, SparseConv):
            raise InputError(
                f'{type(module).__name__} knows no soft masks of edges. Take a model '
                "of PyG's GCN, SAGE, GIN or GAT convs, or of those of graphsparse.nn."
            )
    return model
