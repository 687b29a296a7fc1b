from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.engine import InputError, digest_tensors
from graphsparse.pruning.schemes import Scheme, redraw

ModelLike = Module | Callable[[], Module]


def initial_model(model: ModelLike, seed: int) -> Module:
    """A fresh model at its initial weights, theta_0.

    Args:
        model: A module, whose present weights are theta_0: it is deep-copied and
            never changed. Or a factory without arguments, called under ``seed``;
            the global random state is put back.

    Raises:
        InputError: If ``model`` is neither.
    """
    if isinstance(model, Module):
        return copy.deepcopy(model)
    if not callable(model):
        raise InputError(
            'model has to be a torch module or a factory without arguments (got '
            f'{model!r}).'
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        made = model()
    if not isinstance(made, Module):
        raise InputError(f'The model factory gave a {type(made).__name__}: {made!r}.')
    return made


@dataclass(frozen=True, eq=False)
class Init:
    """Initial weights of a ticket: kept as tensors, or made again from a seed.

    Attributes:
        digest: SHA-256 of the whole initial state.
        state: The tensors, or None where the seed makes them again.
        seed: What the factory was called under, or None.
        scheme: The parameters are drawn anew by :func:`redraw` under the seed, so
            that neither torch nor the factory's order of construction matters.
    """

    digest: str
    state: Mapping[str, Tensor] | None = None
    seed: int | None = None
    scheme: Scheme | None = None

    @staticmethod
    def of(model: Module) -> Init:
        """Keeps the present weights of ``model`` as tensors."""
        state = {name: t.detach().clone() for name, t in model.state_dict().items()}
        return Init(digest_tensors(state), state=state)

    @staticmethod
    def seeded(model: Module, seed: int, scheme: Scheme | None = None) -> Init:
        """Keeps only the seed and the digest of ``model``'s present weights."""
        return Init(digest_tensors(model.state_dict()), seed=seed, scheme=scheme)

    def restore(self, model: ModelLike) -> Module:
        """A copy of ``model``, or a model made by it, at theta_0.

        Raises:
            InputError: If the model has other parameters, or the weights made again
                are not the ones the ticket was found on.
        """
        fresh = initial_model(model, self.seed or 0)
        if self.scheme is not None:
            redraw(fresh, self.scheme, self.seed or 0)
        if self.state is not None:
            load_state(fresh, self.state)
        found = digest_tensors(fresh.state_dict())
        if found != self.digest:
            raise InputError(
                f'Seed {self.seed} gave initial weights {found[:12]}, the ticket was '
                f'found on {self.digest[:12]}. Use the same factory and version of '
                'torch, or a module that still holds those weights.'
            )
        return fresh


def load_state(model: Module, state: Mapping[str, Tensor]) -> None:
    """Load a state dict; InputError names the first entry that does not fit."""
    own = model.state_dict()
    for name in [*state, *own]:
        here = list(own[name].shape) if name in own else 'missing'
        there = list(state[name].shape) if name in state else 'missing'
        if here != there:
            raise InputError(
                f"The ticket is for another model: '{name}' is {there} in the ticket "
                f'and {here} in {type(model).__name__}.'
            )
    model.load_state_dict(dict(state))
