"""What a hyper-parameter search chooses from: options, and candidates for each."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.experiments.options import (
    fit_kind,
    list_options,
    read_option,
    with_options,
)

Config = Mapping[str, Any]
# Options by the last part of their names, and candidates, in the order of Duan et al.
AUTHORS: tuple[tuple[tuple[str, ...], tuple[Any, ...]], ...] = (
    (('lr',), (1e-2, 1e-3, 1e-4)),
    (('weight_decay',), (0.0, 1e-5, 5e-5, 1e-4)),
    (('dropout',), (0.1, 0.2, 0.5, 0.7)),
    (('epochs',), (30, 50, 70)),
    (('hidden_channels',), (128, 256, 512)),
    (('num_layers', 'hops', 'num_hops'), (2, 4, 8)),
)


@dataclass(frozen=True)
class Axis:
    """One option and what it may be: candidates, or a range for samplers.

    Args:
        option: Its dotted name.
        values: Candidates, in order.
        low: Lower end of a range; whole if both ends are.
        high: Upper end, included.
        log: Whether the range is drawn from on a logarithmic scale.
        when: Options before it and the values they must have for this one to matter;
            elsewhere it stays as the method has it.

    Raises:
        InputError: If there is nothing to choose from.
    """

    option: str
    values: tuple[Any, ...] = ()
    low: float | None = None
    high: float | None = None
    log: bool = False
    when: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.low is None and self.high is None:
            if not self.values:
                raise InputError(
                    f'{self.option} has no candidates: give a list, or low and high.'
                )
            twice = [v for v, t in zip(self.values, self.texts, strict=True)
                     if self.texts.count(t) > 1]  # fmt: skip
            if twice:
                raise InputError(f'{self.option} has the candidate {twice[0]!r} twice.')
            return
        ends = (self.low, self.high)
        numbers = [end for end in ends if isinstance(end, int | float)]
        least = 0 if self.log else -float('inf')
        if self.values or len(numbers) < 2 or not least < numbers[0] < numbers[1]:
            above = ' above 0' if self.log else ''
            raise InputError(
                f'{self.option} wants either candidates or low < high{above} (got '
                f'values={list(self.values)}, low={self.low}, high={self.high}).'
            )

    @property
    def texts(self) -> tuple[str, ...]:
        """The candidates as JSON."""
        try:
            return tuple(json.dumps(value) for value in self.values)
        except TypeError as error:
            raise InputError(f'A candidate of {self.option}: {error}.') from None

    def applies(self, config: Config) -> bool:
        """Whether the option matters beside these."""
        return all(config[name] == value for name, value in self.when.items())

    def decode(self, stored: Any) -> Any:
        """The value of an Optuna parameter."""
        return self.values[self.texts.index(stored)] if self.values else stored

    def suggest(self, trial: Any) -> Any:
        """A value that an Optuna trial draws."""
        if self.values:
            return self.decode(trial.suggest_categorical(self.option, self.texts))
        whole = isinstance(self.low, int) and isinstance(self.high, int)
        draw = trial.suggest_int if whole else trial.suggest_float
        return draw(self.option, self.low, self.high, log=self.log)


def read_space(method: Any, space: Mapping[str, Any]) -> list[Axis]:
    """The axes of a space, each value tried on the method.

    Args:
        method: A frozen dataclass of options.
        space: By dotted option a list of candidates, or a mapping with ``values``, or
            with ``low``, ``high`` and perhaps ``log``, and perhaps ``when``.

    Raises:
        InputError: If an option is unknown, or a value is refused by the method.
    """
    if not space:
        raise InputError('The space is empty: name an option and its candidates.')
    axes: list[Axis] = []
    for option, entry in space.items():
        present = read_option(method, option)
        known = [own.name for own in fields(Axis)][1:]
        given = dict(entry) if isinstance(entry, Mapping) else {'values': entry}
        for name in given:
            if name not in known:
                raise unknown(f'entry of {option}', name, known)
        values = given.get('values', ())
        if isinstance(values, str) or not hasattr(values, '__iter__'):
            raise InputError(f'Candidates of {option} are a list (got {values!r}).')
        values = tuple(fit_kind(option, value, present) for value in values)
        axis = Axis(option, **{**given, 'values': values})
        for name in axis.when:
            if name not in {before.option for before in axes}:
                raise InputError(
                    f'{option} depends on {name!r}, which has to stand before it in '
                    'the space.'
                )
        for value in values or (axis.low, axis.high):
            with_options(method, {**axis.when, option: value})
        axes.append(axis)
    return axes


def default_space(method: Any) -> dict[str, list[Any]]:
    """The space of Duan et al. for those of its options that a method has.

    Learning rate, weight decay, dropout, epochs, width, layers or hops ("A
    Comprehensive Study on Large-Scale Graph Training", NeurIPS 2022 data sets and
    benchmarks). An option that is off (0 hops) stays off. Where a round of training
    is several passes, epochs are counted in them.
    """
    options = list_options(method)
    space: dict[str, list[Any]] = {}
    for names, values in AUTHORS:
        # The least nested option of such a name.
        found = [full for full in options if full.rpartition('.')[2] in names]
        option = min(found, key=lambda full: full.count('.'), default=None)
        if option is None or (names[-1] == 'num_hops' and not options[option]):
            continue
        passes = getattr(method, 'passes', 1) if names == ('epochs',) else 1
        space[option] = (
            [value // passes for value in values] if passes > 1 else [*values]
        )
    return space
