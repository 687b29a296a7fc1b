from __future__ import annotations

import copy
import math
from collections.abc import Callable
from functools import partial
from typing import Any, Literal, NamedTuple, TypeVar, get_args
from weakref import WeakKeyDictionary

import torch
from torch import Tensor
from torch.nn import Module, Parameter, UninitializedParameter
from torch_geometric.nn import MessagePassing

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.graph import Adjacency, Operator, to_adjacency
from graphsparse.graph.operator import gcn_operator
from graphsparse.kernels.pattern import row_ids
from graphsparse.pruning.prunable import is_attention
from graphsparse.pruning.schemes import draw_uniform
from graphsparse.rewiring.virgo import virgo_bounds

M = TypeVar('M', bound=Module)

Mode = Literal[
    'pairwise_relu',
    'pairwise',
    'frobenius',
    'frobenius_relu',
    'code',
    'default',
    'glorot',
    'virgo_forward',
    'virgo_backward',
]
Bound = Callable[[int, int], float]  # of weights, from the widths into and out of them


class Moments(NamedTuple):
    """What of a graph the bounds depend on.

    Attributes:
        num_nodes: N.
        total: Sum of all entries of the operator, :math:`1^T \\hat A 1`.
        squares: Sum of their squares; None where only products are known.
    """

    num_nodes: int
    total: float
    squares: float | None = None


def isometric_bound(
    mode: Mode,
    graph: Any,
    in_channels: int,
    out_channels: int,
    num_nodes: int | None = None,
) -> float:
    r"""The r of weights uniform in (-r, r) for one layer :math:`\hat A X W`.

    Weights so large that a layer keeps the inner products of its nodes' features, in
    expectation and summed over pairs, with the aggregation taken into account (Jaiswal
    et al., "Old can be Gold: Better Gradient Flow can Make Vanilla-GCNs Great Again",
    NeurIPS 2022). With N nodes, C outputs and :math:`S = 1^T \hat A 1`:

    - ``'pairwise'``: :math:`\sqrt{3 / C}\, N / S`, exact where all nodes have the same
      features and no non-linearity follows.
    - ``'pairwise_relu'``: :math:`\sqrt 2` of that, for what ReLU halves.
    - ``'frobenius'``: :math:`\sqrt{3 N / C} / \|\hat A\|_F`, exact where the features
      of different nodes are orthogonal: the first layer at most, a deep net explodes.
    - ``'frobenius_relu'``: :math:`\sqrt 2` of that.
    - ``'code'``: :math:`N / (\sqrt 3 (S + N))`, as released: whatever the widths,
      made for 64.
    - ``'default'``: :math:`1 / \sqrt C`, Kipf's, and ``'glorot'``:
      :math:`\sqrt{6 / (C_{in} + C)}`: the graph plays no part.

    A regular graph has S = N, as one without edges has: only unequal degrees matter.
    ``'virgo_forward'`` and ``'virgo_backward'`` depend on where in a net a layer is:
    see :func:`~graphsparse.rewiring.virgo_bounds`. ``'frobenius_relu'`` is what Kaiming
    initialisation becomes on a graph (cf. G-Init, Kelesis et al., 2024).

    Args:
        mode: Which.
        graph: An Adjacency, or any graph that ``to_adjacency`` takes, for
            GCN's operator; or an operator of your own: an ``Operator``, or a function
            that multiplies float32 ``[nodes, 1]`` with it, which is called once.
        in_channels: Width into the layer.
        out_channels: Width out of it.
        num_nodes: Needed for a function and for an ``edge_index``.

    Raises:
        InputError: If the mode is unknown or Virgo's, a width is not positive, the
            entries of the operator do not sum to a positive number, or a Frobenius norm
            is asked of a function.
    """
    check_mode(mode)
    for name, width in (('in_channels', in_channels), ('out_channels', out_channels)):
        if width < 1:
            raise InputError(f'{name} has to be positive (got {width}).')
    if mode.startswith('virgo'):
        raise InputError(
            f"mode='{mode}' has a bound for each layer of a net: virgo_bounds gives it."
        )
    if mode == 'default':
        return 1 / math.sqrt(out_channels)
    if mode == 'glorot':
        return math.sqrt(6 / (in_channels + out_channels))
    moments = operator_moments(graph, num_nodes)
    if mode == 'code':
        ratio = moments.num_nodes / (moments.total + moments.num_nodes)
        return ratio / math.sqrt(3)
    gain = 6 if mode.endswith('_relu') else 3
    if mode.startswith('pairwise'):
        return math.sqrt(gain / out_channels) * moments.num_nodes / moments.total
    if moments.squares is None:
        raise InputError(
            f"mode='{mode}' needs the entries of the operator, not just its products: "
            'give an Adjacency or an Operator.'
        )
    return math.sqrt(gain * moments.num_nodes / (out_channels * moments.squares))


def initialise(
    model: M,
    graph: Any,
    mode: Mode = 'pairwise_relu',
    seed: int = 0,
    zero_bias: bool = True,
    num_nodes: int | None = None,
) -> M:
    """A copy of a model whose convs start with isometric weights.

    Every matrix of every conv (ours and PyG's: GCN, both maps of SAGE, the map inside
    of GIN, all heads of GAT as one map) is drawn uniform in :func:`isometric_bound`,
    a function of its name, shape and the seed alone. Attention vectors only in mode
    ``'code'``, as released; norms, and layers outside of the convs, stay. For Virgo's
    modes the convs are layers in the order of their making.

    The bound is that of GCN's operator, whatever the conv aggregates with; hand in
    another operator for a sum or a mean.

    Args:
        model: It is not changed.
        graph: See :func:`isometric_bound`.
        mode: See :func:`isometric_bound`.
        seed: Of the weights.
        zero_bias: Biases of the convs at 0; False draws them in the same bound, as
            the released code does: so large that they drown bag-of-words features.
        num_nodes: See :func:`isometric_bound`.

    Raises:
        InputError: If there is no conv, or one has no shapes yet.
    """
    check_mode(mode)
    model = copy.deepcopy(model)
    modules = list(model.named_modules())
    convs = [pair for pair in modules if isinstance(pair[1], MessagePassing)]
    if not convs:
        raise InputError(f'{type(model).__name__} has no conv to initialise.')
    bounds = _bounds(mode, graph, num_nodes, [conv for _, conv in convs])
    for (prefix, conv), bound in zip(convs, bounds, strict=True):
        for path, module in conv.named_modules(prefix=prefix):
            _draw(module, path, conv, bound, mode == 'code', seed, zero_bias)
    return model


def _bounds(
    mode: Mode, graph: Any, num_nodes: int | None, convs: list[Module]
) -> list[Bound]:
    """The bound of each conv's weights."""
    if mode in ('virgo_forward', 'virgo_backward'):
        shapes = [_shape(conv) for conv in convs]
        widths = [shapes[0][1], *(out for out, _ in shapes)]
        direction = mode.removeprefix('virgo_')
        adj, x = to_adjacency(graph, num_nodes), getattr(graph, 'x', None)
        each = virgo_bounds(adj, widths, direction, x)  # type: ignore[arg-type]
        return [partial(_constant, bound) for bound in each]
    if mode in ('default', 'glorot'):
        return [partial(isometric_bound, mode, None)] * len(convs)
    moments = operator_moments(graph, num_nodes)
    return [partial(isometric_bound, mode, moments)] * len(convs)


def _constant(bound: float, in_channels: int, out_channels: int) -> float:
    return bound


def _shape(conv: Module) -> tuple[int, int]:
    """Width out of and into the first matrix of a conv."""
    for name, parameter in conv.named_parameters():
        _check_shaped(name, parameter)
        if parameter.dim() == 2:
            return parameter.size(0), parameter.size(1)
    raise InputError(f'{type(conv).__name__} has no matrix to initialise.')


def _check_shaped(name: str, parameter: Tensor) -> None:
    if isinstance(parameter, UninitializedParameter):
        raise InputError(
            f"'{name}' has no shape yet: run the model once, then initialise it."
        )


@torch.no_grad()
def _draw(
    module: Module,
    path: str,
    conv: Module,
    bound: Bound,
    attention: bool,
    seed: int,
    zero_bias: bool,
) -> None:
    """Draw the parameters that a module within a conv itself holds."""
    own = dict(module.named_parameters(recurse=False))
    for key, parameter in own.items():
        name = f'{path}.{key}' if path else key
        _check_shaped(name, parameter)
        if parameter.dim() == 2:
            _fill(parameter, bound(parameter.size(1), parameter.size(0)), seed, name)
        elif is_attention(parameter) and attention:
            _fill(parameter, bound(1, 1), seed, name)
        elif key == 'bias' and (module is conv or _weight_dim(module) == 2):
            width = parameter.numel()
            _fill(parameter, 0.0 if zero_bias else bound(width, width), seed, name)


def _weight_dim(module: Module) -> int:
    weight = getattr(module, 'weight', None)
    return weight.dim() if isinstance(weight, Parameter) else 0


def _fill(parameter: Tensor, bound: float, seed: int, name: str) -> None:
    drawn = draw_uniform(parameter.shape, seed, f'isometric/{name}')
    parameter.copy_(bound * (2 * drawn - 1))


def check_mode(mode: str) -> None:
    """InputError unless ``mode`` is one of those known."""
    if mode not in get_args(Mode):
        raise unknown('mode of initialisation', mode, list(get_args(Mode)))


_known: WeakKeyDictionary[Adjacency, Moments] = WeakKeyDictionary()


def operator_moments(graph: Any, num_nodes: int | None = None) -> Moments:
    """Sums over an operator, in time linear in its entries; see :class:`Moments`.

    Those of an Adjacency are summed once and known as long as it lives.

    Raises:
        InputError: If a function comes without ``num_nodes`` or gives another shape,
            or the entries do not sum to a positive number.
    """
    if isinstance(graph, Moments):
        return graph
    if isinstance(graph, Operator):
        return _of_operator(graph)
    if callable(graph) and not hasattr(graph, 'edge_index'):  # a Data is callable
        return _of_function(graph, num_nodes)
    adj = to_adjacency(graph, num_nodes)
    if adj not in _known:
        with torch.no_grad():
            _known[adj] = _of_operator(gcn_operator(adj, True, 1.0, torch.float64))
    return _known[adj]


def _of_operator(operator: Operator) -> Moments:
    pattern, value = operator.pattern, operator.value.detach().double()
    if pattern.perm is not None:
        value = value[pattern.perm]
    # Parallel arcs are one entry of the matrix: add up before squaring.
    row = row_ids(pattern.rowptr, pattern.col.numel())
    first = torch.ones_like(row, dtype=torch.bool)
    first[1:] = (row[1:] != row[:-1]) | (pattern.col[1:] != pattern.col[:-1])
    entry = value.new_zeros(int(first.sum())).index_add_(0, first.cumsum(0) - 1, value)
    total, squares = float(value.sum()), float(entry.square().sum())
    return _checked(Moments(operator.num_rows, total, squares))


def _of_function(
    multiply: Callable[[Tensor], Tensor], num_nodes: int | None
) -> Moments:
    if num_nodes is None or num_nodes < 1:
        raise InputError(
            'An operator given as a function does not tell its number of nodes: give '
            f'num_nodes (got {num_nodes}).'
        )
    with torch.no_grad():
        sums = multiply(torch.ones(num_nodes, 1))
    if sums.shape != (num_nodes, 1):
        raise InputError(
            f'The operator has to make [{num_nodes}, 1] of [{num_nodes}, 1] (got '
            f'{list(sums.shape)}).'
        )
    return _checked(Moments(num_nodes, float(sums.double().sum())))


def _checked(moments: Moments) -> Moments:
    if moments.num_nodes and 0 < moments.total < math.inf:
        return moments
    raise InputError(
        f'The operator has {moments.num_nodes} nodes and entries that sum to '
        f'{moments.total:g}; there have to be nodes, and a positive sum.'
    )
