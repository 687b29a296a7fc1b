"""The hidden units of nets trained apart, put in one order before weights are mixed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor
from torch.nn import Module, ModuleList

from graphsparse.engine import InputError

# Where the units of one hidden layer are: names of tensors, and a dimension of each.
Units = tuple[tuple[str, int], ...]
State = Mapping[str, Tensor]


def hidden_units(model: Module, predict: Callable[[Module], Any]) -> list[Units]:
    """The tensors that each hidden layer of a chain of layers goes through.

    Layers are the members of ``model.convs``, as in PyG's own nets, else those children
    of the model that hold matrices: each reads what the one before it gave in the last
    dimension of its matrices, and gives units in the first. A member of ``model.norms``
    goes with the layer before it. That a net is such a chain its outputs tell: they
    stay as they were, whatever the order of the units.

    Args:
        model: In evaluation mode; it is as before afterwards.
        predict: Outputs of the model.

    Raises:
        InputError: If the net is no such chain, or has one layer.
    """
    norms = getattr(model, 'norms', None)
    norms = norms if isinstance(norms, ModuleList) else ModuleList()
    layers = _layers(model)
    found: list[Units] = []
    for number, (layer, after) in enumerate(pairwise(layers)):
        units = [(name, 0) for name, t in layer.items() if t.dim()]
        if number < len(norms):
            state = norms[number].state_dict()
            units += [(f'norms.{number}.{n}', 0) for n, t in state.items() if t.dim()]
        units += [(name, 1) for name, t in after.items() if t.dim() == 2]
        found.append(tuple(units))
    if not found or not _stays(model, found, predict):
        raise InputError(
            f'The hidden units of a {type(model).__name__} have no order that could be '
            'another: nets are aligned that are chains of layers, each a sum of linear '
            'maps, like GCN and SAGE. Leave align out.'
        )
    return found


def _layers(model: Module) -> list[dict[str, Tensor]]:
    """The tensors of each layer by their names in the model."""
    convs = getattr(model, 'convs', None)
    chain, prefix = (convs, 'convs.') if isinstance(convs, ModuleList) else (model, '')
    found = [
        {f'{prefix}{name}.{n}': t for n, t in child.state_dict().items()}
        for name, child in chain.named_children()
    ]
    return [layer for layer in found if any(t.dim() == 2 for t in layer.values())]


@torch.no_grad()
def _stays(
    model: Module, layers: Sequence[Units], predict: Callable[[Module], Any]
) -> bool:
    """Whether other orders of units change no output."""
    own = model.state_dict()
    if any(len({own[n].size(dim) for n, dim in units}) > 1 for units in layers):
        return False
    before = predict(model)
    if not isinstance(before, Tensor):  # as of a net that scores pairs
        return False
    kept = {name: t.clone() for name, t in own.items()}
    orders = [torch.arange(_width(kept, units)).flip(0) for units in layers]
    for name, tensor in kept.items():
        own[name].copy_(permute({name: tensor}, layers, orders)[name])
    after = predict(model)
    for name, tensor in kept.items():
        own[name].copy_(tensor)
    return torch.allclose(before, after, rtol=1e-3, atol=1e-4 * float(before.std()))


def permute(
    state: State, layers: Sequence[Units], orders: Sequence[Tensor]
) -> dict[str, Tensor]:
    """The same net with its hidden units in other orders.

    Args:
        state: Tensors by name, of all weights or of some, masks as well.
        layers: See :func:`hidden_units`.
        orders: For each of them which unit comes where ``[units]``.
    """
    found = dict(state)
    for units, order in zip(layers, orders, strict=True):
        for name, dim in units:
            if name in found:
                found[name] = found[name].index_select(
                    dim, order.to(found[name].device)
                )
    return found


@torch.no_grad()
def match_units(
    state: State, reference: State, layers: Sequence[Units]
) -> list[Tensor]:
    r"""The orders in which a net's weights are nearest to another's.

    Ainsworth, Hayase & Srinivasa, "Git Re-Basin: Merging Models modulo Permutation
    Symmetries", ICLR 2023, weight matching: for one hidden layer after the other the
    order that makes :math:`\sum \langle W, W' \rangle` largest, an assignment problem,
    until none gains. With one hidden layer that is exact, with more a local optimum.

    Args:
        state: Of the net whose units are ordered.
        reference: Of the other.
        layers: See :func:`hidden_units`.

    Returns:
        For each layer an order ``[units]``, for :func:`permute`.
    """
    places = [torch.arange(_width(state, units)) for units in layers]
    orders, gained = list(places), True
    while gained:
        gained = False
        for i, units in enumerate(layers):
            product = torch.zeros(len(orders[i]), len(orders[i]))
            others = [*orders[:i], places[i], *orders[i + 1 :]]
            for name, dim in units:
                moved = permute({name: state[name]}, layers, others)[name]
                product += (_rows(reference[name], dim) @ _rows(moved, dim).T).cpu()
            order = torch.from_numpy(linear_sum_assignment(product, maximize=True)[1])
            gain = product[places[i], order] - product[places[i], orders[i]]
            if float(gain.sum()) > 1e-5 * float(product.abs().max()):
                orders[i], gained = order, True
    return orders


def _rows(tensor: Tensor, dim: int) -> Tensor:
    return tensor.movedim(dim, 0).reshape(tensor.size(dim), -1).float()


def _width(state: State, units: Units) -> int:
    name, dim = units[0]
    return state[name].size(dim)
