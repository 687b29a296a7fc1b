from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, get_args

import torch
from torch import Tensor
from torch.nn import Module, Parameter
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.kernels import global_topk
from graphsparse.nn import MaskedNet
from graphsparse.pruning import prox_groups, prunable
from graphsparse.pruning.budget import check_sparsity, count_kept
from graphsparse.pruning.schemes import draw_uniform
from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.sparse_training import SparseTraining, check_share

Choice = Literal['prox', 'random']


@dataclass(frozen=True)
class GroupSparsity(SparseTraining):
    r"""Features chosen by a proximal step towards k groups of weights.

    A group is an input feature: its column in the first matrix, ``[out, in]``, or in
    all matrices that read the features (GraphSAGE has two). After every optimiser
    step the columns are scaled by :func:`~graphsparse.pruning.prox_groups` with
    :math:`\lambda = lr \cdot strength`, whose k is the number of features to stay.
    From ``until`` on, the k of largest norm are alone.

    Every epoch is validated with the k largest columns alone, so exactly k features
    are read by the ticket; the graph's ``x`` keeps its width.

    Refael, Arbel & Huleihel, "Learning k-Level Structured Sparse Neural Networks
    Using Group Envelope Regularization", 2022 (WGSEF), with all groups weighing the
    same. ``until`` is this library's, and so is ``strength``: of 0.1, 1 and 10 the
    best on Cora's validation nodes, at 80 and at 95 % of the features removed.

    Args:
        graph_sparsity: Fraction of edges removed, in [0, 1); floor of pairs.
        score: Which edge score.
        select: 'global', 'per_node', or 'connected' (no node loses its last edge).
        training: Of the one training.
        weight_sparsity: Fraction of the features removed, so of the first matrix's
            weights, the prunable set here; ceil of features.
        strength: Of the penalty; lambda is this times the learning rate.
        choose: 'prox', or 'random' for random features from the start.
        until: Share of the training after which the features stay as they are.
    """

    weight_sparsity: float = 0.8
    strength: float = 10.0
    choose: Choice = 'prox'
    until: float = 0.75

    def __post_init__(self) -> None:
        super().__post_init__()
        check_sparsity(self.weight_sparsity, 'weight_sparsity')
        check_share(self.until, 'until')
        if not 0 <= self.strength < float('inf'):
            raise InputError(
                f'strength has to be at least 0 and finite (got {self.strength}).'
            )
        if self.choose not in get_args(Choice):
            raise unknown('choice', self.choose, list(get_args(Choice)))

    def baselines(self) -> dict[str, TicketSearch]:
        """As many random features."""
        if self.choose == 'random':
            return {}
        return {'random': replace(self, choose='random')}

    def wrap(self, net: Module, graph: Data, seed: int) -> MaskedNet:
        """All features at first, k of them to be evaluated with; or k random ones."""
        if graph.x is None:
            raise InputError('Groups are features, and this graph has none.')
        features = graph.x.size(1)
        matrices = read_features(net, features)
        k = count_kept(features, self.weight_sparsity, count='ceil')
        if k < 1:
            raise InputError(
                f'weight_sparsity={self.weight_sparsity} leaves none of the {features} '
                'features.'
            )
        if self.choose == 'random':
            worth = draw_uniform(torch.Size([features]), seed, 'features')
        else:
            worth = column_norms(matrices)
        masked = MaskedNet(net, spread(global_topk(worth, k), matrices))
        if self.choose == 'random':
            masked.clear()
        return masked

    @torch.no_grad()
    def project(self, net: MaskedNet, optimizer: Optimizer, seed: int) -> None:
        """The proximal step and the k columns of now; later zeros stay 0."""
        last = self.epoch_at(self.until)
        if self.choose == 'random' or int(net.step) > last:
            net.clear()
            return
        matrices = net.raw()
        k = int(next(iter(net.keep.values()))[0].sum())
        strength = self.training.lr * self.strength
        factor = prox_groups(column_norms(matrices), k, strength)
        for weight in matrices.values():
            weight.mul_(factor.to(weight.dtype))
        net.set_keep(spread(global_topk(column_norms(matrices), k), matrices))
        if int(net.step) == last:
            net.clear()


def read_features(net: Module, features: int) -> dict[str, Parameter]:
    """The matrices that read the input features, by name.

    The first as wide as the features are many, and those beside it in the same layer
    (``convs.0.lin_l``, ``convs.0.lin_r``). Steps of a ``Sequential``, which are
    numbered, follow one another: of them the first alone.

    Raises:
        InputError: If there is none.
    """
    weights = prunable(net)
    wide = {name: w for name, w in weights.items() if w.size(1) == features}
    if not wide:
        shapes = ', '.join(f'{n} {list(w.shape)}' for n, w in weights.items())
        raise InputError(
            f'No matrix reads the {features} features of the graph: {shapes}.'
        )
    first = next(iter(wide))
    layer, _, place = first.removesuffix('.weight').rpartition('.')
    if place.isdigit():
        return {first: wide[first]}
    return {
        name: weight
        for name, weight in wide.items()
        if name.removesuffix('.weight').rpartition('.')[0] == layer
    }


def column_norms(matrices: dict[str, Parameter] | dict[str, Tensor]) -> Tensor:
    """Euclidean norm of each input's weights in all matrices, float64 ``[in]``."""
    stacked = torch.cat([w.detach().double() for w in matrices.values()])
    return stacked.norm(dim=0)


def spread(
    columns: Tensor, matrices: dict[str, Parameter] | dict[str, Tensor]
) -> dict[str, Tensor]:
    """A mask of columns as masks of the matrices."""
    return {name: columns.expand_as(w).clone() for name, w in matrices.items()}
