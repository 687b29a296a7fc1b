from __future__ import annotations

import inspect
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import torch
from torch.nn import Module

from graphsparse.engine import InputError, find
from graphsparse.engine.find import unknown
from graphsparse.nn.models.base import ReferenceModel


@dataclass(frozen=True)
class ModelRecipe:
    """Which net to build, all but the sizes that the data tells.

    Args:
        model: Its name: ``'gcn'``, ``'gin'``, ``'gat'``, ``'sage'``, ``'gcnii'`` or
            another :class:`~graphsparse.nn.ReferenceModel`, your own too.
        hidden_channels: Width of the hidden layers (of one head, with attention).
        num_layers: Number of convs, or of hops.
        dropout: Share of activations dropped; None for the model's own default.
        heads: Attention heads of the hidden layers; None for the model's own default.
        options: What only this model takes, by name, such as GCNII's ``alpha`` and
            ``theta``.

    Raises:
        InputError: If a size is not positive, ``dropout`` is outside [0, 1), or an
            option has the name of a size or a field.
    """

    model: str = 'gcn'
    hidden_channels: int = 512
    num_layers: int = 2
    dropout: float | None = None
    heads: int | None = None
    options: Mapping[str, Any] = field(default_factory=dict, hash=False)

    def __post_init__(self) -> None:
        _check_sizes(
            hidden_channels=self.hidden_channels,
            num_layers=self.num_layers,
            heads=1 if self.heads is None else self.heads,
        )
        if self.dropout is not None and not 0 <= self.dropout < 1:
            raise InputError(f'dropout has to be in [0, 1) (got {self.dropout}).')
        taken = {'in_channels', 'out_channels', *(own.name for own in fields(self))}
        for name in sorted(taken & self.options.keys()):
            raise InputError(
                f"options hold what only the model '{self.model}' takes, not {name} "
                f'(got {name}={self.options[name]!r}).'
            )

    def facts(self) -> dict[str, Any]:
        """All fields as plain values, ``options`` only where there are any."""
        facts = {own.name: getattr(self, own.name) for own in fields(self)}
        given = dict(facts.pop('options'))
        return facts | {'options': given} if given else facts

    def build(self, in_channels: int, out_channels: int) -> ReferenceModel:
        """A freshly initialised model for ``in_channels`` features.

        Raises:
            InputError: If a size is not positive, the model is unknown, or it does
                not have an option that this recipe sets.
        """
        _check_sizes(in_channels=in_channels, out_channels=out_channels)
        known = find(ReferenceModel)  # type: ignore[type-abstract]
        cls = known.get(str(self.model).lower().replace('-', '_'))
        if cls is None:
            raise unknown('model', self.model, list(known))
        options: dict[str, Any] = {'dropout': self.dropout, 'heads': self.heads}
        options = {name: value for name, value in options.items() if value is not None}
        options |= self.options
        for name, value in options.items():
            if name not in inspect.signature(cls).parameters:
                raise InputError(
                    f"The model '{self.model}' has no {name} (got {name}={value}): "
                    'leave it out.'
                )
        return cls(
            in_channels,
            out_channels,
            hidden_channels=self.hidden_channels,
            num_layers=self.num_layers,
            **options,
        )

    def narrowed(
        self, in_channels: int, out_channels: int, parameters: int
    ) -> ModelRecipe:
        """The widest net of this kind with at most so many parameters.

        Raises:
            InputError: If one hidden channel already has more.
        """

        def size(width: int) -> int:
            with torch.device('meta'):
                net = replace(self, hidden_channels=width)
                return count_parameters(net.build(in_channels, out_channels))

        if size(1) > parameters:
            raise InputError(
                f'A {self.model} of width 1 has {size(1)} parameters, more than the '
                f'{parameters} asked for.'
            )
        widths = range(1, parameters + 1)
        width = bisect_right(widths, parameters, key=size)
        return replace(self, hidden_channels=width)


def count_parameters(model: Module) -> int:
    """Entries of all parameters together."""
    return sum(parameter.numel() for parameter in model.parameters())


def _check_sizes(**sizes: int) -> None:
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f'{name} has to be a positive integer (got {size!r}).')
