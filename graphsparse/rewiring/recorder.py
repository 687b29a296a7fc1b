from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.evaluation import (
    dirichlet_energy,
    effective_rank,
    mean_average_distance,
)
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.rewiring.flow import Flow, gradient_norms, layers
from graphsparse.training import Step, Task


class FlowRecorder:
    """Looks at the layers of any PyG model while ``fit`` trains it: a callback.

    Gradient norms of every epoch are read where the step left them. Every few epochs
    a pass of its own, in evaluation mode, looks at what each conv gives. The training
    does not feel it: not a bit differs. It holds the epochs that it saw: of a
    training that was stopped and went on, those since.

    Example:
        >>> recorder = FlowRecorder(task, every=20)
        >>> fit(model, task, watch=Watch((recorder,)))
        >>> recorder.flow().save('flow.json')

    Args:
        task: What is being learned; its graph is looked at.
        graph: The sparser graph, if it is trained on one.
        every: Epochs from one look at the outputs to the next; 0 never looks. A look
            takes as long as tens of epochs on Cora, most of it for distances of all
            pairs.
        pairs: Mean average distance of 'all' pairs of nodes, or of those with an edge,
            'edges': of large graphs there are too many pairs.
        stage: Which stage of a run; None takes the first that comes.

    Raises:
        InputError: If ``every`` is negative or ``pairs`` unknown.
    """

    def __init__(
        self,
        task: Task,
        graph: Data | None = None,
        every: int = 10,
        pairs: Literal['all', 'edges'] = 'all',
        stage: str | None = None,
    ) -> None:
        if not every >= 0:
            raise InputError(f'every has to be at least 0 (got {every}).')
        if pairs not in ('all', 'edges'):
            raise InputError(f"pairs has to be 'all' or 'edges' (got {pairs!r}).")
        self.task = task
        self.graph = task.graph if graph is None else graph
        self.every = every
        self.pairs = pairs
        self.stage = stage
        self._adj: Adjacency | None = None
        self._layers: tuple[str, ...] = ()
        self._gradient: dict[int, Tensor] = {}
        self._looks: dict[int, list[Tensor]] = {}

    def __call__(self, step: Step) -> None:
        """One epoch is done."""
        self.stage = self.stage or step.stage
        if step.stage != self.stage:
            return
        convs = layers(step.model)
        self._layers = tuple(convs)
        self._gradient[step.epoch] = gradient_norms(convs)
        if self.every and step.epoch % self.every == 0:
            self._looks[step.epoch] = self._look(step.model)

    def _look(self, model: Module) -> list[Tensor]:
        if self._adj is None:
            self._adj = to_adjacency(self.graph)
        pairs = self.graph.edge_index if self.pairs == 'edges' else None
        outs = outputs(model, self.task, self.graph)
        energy = torch.stack([dirichlet_energy(h, self._adj) for h in outs.values()])
        distance = [mean_average_distance(h, pairs=pairs) for h in outs.values()]
        rank = [effective_rank(h) for h in outs.values()]
        return [
            energy.cpu(),
            torch.tensor(distance).double(),
            torch.tensor(rank).double(),
        ]

    def flow(self) -> Flow:
        """What was seen so far.

        Raises:
            InputError: If nothing was.
        """
        if not self._gradient:
            raise InputError(
                f'The recorder saw no epoch of stage {self.stage!r}: give it to the '
                'training, Watch(callbacks=[recorder]).'
            )
        empty = torch.zeros(0, len(self._layers), dtype=torch.float64)
        looks = list(zip(*self._looks.values(), strict=True)) or [()] * 3
        return Flow(
            self._layers,
            torch.tensor(list(self._gradient), dtype=torch.int64),
            torch.stack(list(self._gradient.values())).cpu(),
            torch.tensor(list(self._looks), dtype=torch.int64),
            *(torch.stack(look) if look else empty for look in looks),
        )


def outputs(model: Module, task: Task, graph: Data | None = None) -> dict[str, Tensor]:
    """What each conv gives in a pass in evaluation mode, by name.

    Of a conv that runs several times, what it gave last. The model is left as it was:
    no hook stays, and every module is in the mode it was in.

    Args:
        model: Any model that ``task`` can run.
        task: Runs it.
        graph: A sparser graph to run on; the task's own by default.

    Raises:
        InputError: If a conv did not run.
    """
    convs = layers(model)
    with _recorded(convs) as outs, _mode_kept(model):
        task.infer(model, graph)
    for name in convs:
        if name not in outs:
            raise InputError(f"The conv '{name}' did not run in the model's forward.")
    return {name: outs[name] for name in convs}


@contextmanager
def _recorded(convs: dict[str, Module]) -> Iterator[dict[str, Tensor]]:
    """What the convs give as long as this lasts, by name."""
    outs: dict[str, Tensor] = {}
    handles = []

    def keep(name: str, out: Any) -> None:
        outs[name] = out[0] if isinstance(out, tuple) else out

    try:
        for name, conv in convs.items():
            hook = conv.register_forward_hook(
                lambda _, __, out, name=name: keep(name, out)
            )
            handles.append(hook)
        yield outs
    finally:
        for handle in handles:
            handle.remove()


@contextmanager
def _mode_kept(model: Module) -> Iterator[None]:
    """Puts back every module's own mode: some may be frozen in evaluation mode."""
    modes = [(module, module.training) for module in model.modules()]
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training
