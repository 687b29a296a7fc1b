from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn.conv import GCNConv
from graphsparse.nn.features import Features, as_dense, dropout
from graphsparse.nn.models.base import ReferenceModel

Target = Literal['initial', 'previous']


class RewiredGCN(ReferenceModel):
    r"""A deep GCN in which hidden layers may have a skip, each on its own.

    Layer :math:`l` computes :math:`Z_l = \hat A H_{l-1} W_l + b_l` and hands
    :math:`\mathrm{ReLU}(Z_l)` on; dropout is on the input of every layer, raw features
    and the last layer's too. Where there is a skip, :math:`Z_l + \alpha Z_0`, or
    :math:`Z_l + \alpha Z_{l-1}` with a skip of its own in it, goes into the ReLU in
    its place. The first layer and the last never have one. Without any it is the
    plain GCN, bit for bit. Jaiswal, Wang, Chen et al., "Old can be Gold: Better
    Gradient Flow can Make Vanilla-GCNs Great Again", NeurIPS 2022.

    Args:
        in_channels: Features a node.
        out_channels: Classes.
        hidden_channels: Width of the hidden layers.
        num_layers: Number of convs.
        dropout: Share of each layer's input that is dropped.
        bias: Whether the convs have one.
        target: Where skips come from: the 'initial' layer or the 'previous' one.
        alpha: Weight of what a skip brings.

    Attributes:
        skips: Which layers have one, a buffer of booleans ``[num_layers]``: it is in
            checkpoints, and in the state of the best epoch.

    Raises:
        InputError: If ``target`` is unknown.
    """

    skips: Tensor

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        hidden_channels: int = 64,
        num_layers: int = 10,
        dropout: float = 0.6,
        bias: bool = True,
        target: Target = 'initial',
        alpha: float = 1.0,
    ) -> None:
        super().__init__(in_channels, out_channels, hidden_channels, num_layers)
        check_target(target)
        self.dropout = dropout
        self.target = target
        self.alpha = alpha
        self.convs = torch.nn.ModuleList(
            GCNConv(*sizes, bias=bias) for sizes in self.layer_sizes()
        )
        self.register_buffer('skips', torch.zeros(num_layers, dtype=torch.bool))

    @property
    def skippable(self) -> range:
        """The layers that may have a skip: all but the first and the last."""
        return range(1, self.num_layers - 1)

    def set_skips(self, layers: Iterable[int]) -> None:
        """Let these layers have a skip, and no others.

        Raises:
            InputError: If a layer is not among :attr:`skippable`.
        """
        layers = list(layers)
        for layer in layers:
            if layer not in self.skippable:
                raise InputError(
                    f'Layer {layer} of {self.num_layers} cannot have a skip; those '
                    f'that can: {list(self.skippable)}.'
                )
        self.skips.zero_()
        self.skips[layers] = True

    def forward(  # noqa: D102
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> Tensor:
        return self._propagate(x, edge_index, edge_weight, None)

    def forward_with_layers(
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor]]:
        """Logits, and what each conv gave, before skip and ReLU; the last the logits.

        The same pass as :meth:`forward`, dropout and all.
        """
        layers: list[Tensor] = []
        return self._propagate(x, edge_index, edge_weight, layers), layers

    def _propagate(
        self,
        x: Features,
        edge_index: Tensor | Adjacency,
        edge_weight: Tensor | None,
        layers: list[Tensor] | None,
    ) -> Tensor:
        first: Tensor | None = None
        before: Tensor | None = None
        last = self.num_layers - 1
        for layer, has_skip in enumerate(self.skips.tolist()):
            x = dropout(x, self.dropout, self.training)
            z = self.convs[layer](x, edge_index, edge_weight)
            if layers is not None:
                layers.append(z)
            if has_skip:
                source = first if self.target == 'initial' else before
                assert source is not None  # the first layer has no skip
                z = torch.add(z, source, alpha=self.alpha)
            first, before = z if first is None else first, z
            x = z.relu() if layer < last else z
        return as_dense(x)

    def propagation_widths(self) -> list[int]:
        """The narrower side of each layer, on which it propagates."""
        return [min(ends) for ends in self.layer_sizes()]


def check_target(target: str) -> None:
    """InputError unless ``target`` is one a skip may come from."""
    if target not in get_args(Target):
        raise InputError(f"target has to be 'initial' or 'previous' (got {target!r}).")
