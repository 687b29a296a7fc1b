from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data.checks import check_int
from graphsparse.engine import InputError
from graphsparse.kernels.streams import step_key
from graphsparse.loading import HopStore
from graphsparse.training.node import NodeTask, Part
from graphsparse.training.objectives import OBJECTIVES
from graphsparse.training.task import Scores


@dataclass(frozen=True, eq=False, kw_only=True)
class HopTask(NodeTask):
    """A :class:`NodeTask` learned on propagated features, in batches, with no graph.

    A model takes the rows of some nodes, ``[nodes, hops + 1, features]``, and gives
    ``[nodes, out_channels]``. Labels, losses and metrics are those of the task it is
    made of.

    Attributes:
        store: The features and their hops.
        extra: More numbers a node ``[nodes, any]``, as propagated labels, given to the
            model as a second argument; None where it takes one.
        batch_size: Nodes a step, and at once where no gradient is kept. A single node
            left over joins the batch before it: it has no batch statistics.
        passes: Over the training nodes, from one validation to the next.
        shuffle: Another order in every pass; False takes nodes as they stand.
        shown: The nodes that :meth:`predict` gives rows for, in its order; None for
            all of them.
    """

    store: HopStore
    extra: Tensor | None = None
    batch_size: int = 5000
    passes: int = 1
    shuffle: bool = True
    shown: Tensor | None = None
    whole: ClassVar[bool] = False

    def __post_init__(self) -> None:
        nodes = self.store.num_nodes
        if self.graph.num_nodes != nodes:
            raise InputError(
                f'The hops are of {nodes} nodes, the task of {self.graph.num_nodes}.'
            )
        if self.extra is not None and self.extra.size(0) != nodes:
            raise InputError(f'extra has {self.extra.size(0)} rows for {nodes} nodes.')
        check_int('batch_size', self.batch_size, 1)
        check_int('passes', self.passes, 1)

    @staticmethod
    def of(
        task: NodeTask,
        store: HopStore,
        extra: Tensor | None = None,
        batch_size: int = 5000,
        passes: int = 1,
        shuffle: bool = True,
    ) -> HopTask:
        """The same nodes, labels and metric on hops; see the attributes."""
        return HopTask(
            **{name: vars(task)[name] for name in NodeTask.__dataclass_fields__},
            store=store,
            extra=extra,
            batch_size=batch_size,
            passes=passes,
            shuffle=shuffle,
        )

    def with_graph(self, graph: Data) -> Self:
        """InputError for any graph but its own: the hops are of that one."""
        if graph is not self.graph:
            raise InputError(
                'The hops were propagated on another graph: build a HopStore of this '
                'one.'
            )
        return self

    def steps(
        self, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[tuple[Self, Data | None]]:
        """Batches of training nodes, in an order that seed and epoch tell."""
        count = self.train.index.numel()
        for step in range(epoch * self.passes, (epoch + 1) * self.passes):
            order = torch.arange(count)
            if self.shuffle:
                generator = torch.Generator().manual_seed(step_key(seed, step))
                order = torch.randperm(count, generator=generator)
            for rows in _batches(order.to(self.device), self.batch_size):
                part = Part(self.train.index[rows], self.train.y[rows])
                yield replace(self, train=part, shown=part.index), graph

    def predict(self, model: Module, graph: Data | None = None) -> Tensor:
        """Logits ``[nodes, out_channels]`` of the nodes shown, batch by batch."""
        if graph is not None:
            self.with_graph(graph)
        shown = self.shown
        if shown is None:
            shown = torch.arange(self.store.num_nodes)
        first, *others = _batches(shown.cpu(), self.batch_size)
        out, done = self._run(model, first), first.numel()
        if not others:
            return out
        # Outputs kept one by one would lie in between what each batch frees.
        whole = out.new_empty(shown.numel(), *out.shape[1:])
        whole[:done] = out
        for index in others:
            whole[done : done + index.numel()] = self._run(model, index)
            done += index.numel()
        return whole

    def _run(self, model: Module, index: Tensor) -> Tensor:
        inputs = [self.store.rows(index)]
        if self.extra is not None:
            inputs.append(self.extra[index])
        return model(*(rows.to(self.device) for rows in inputs))

    def train_loss(self, out: Tensor) -> Tensor:
        """Loss of the rows that are training nodes."""
        rows = out if self.shown is not None else out[self.train.index]
        return OBJECTIVES[self.metric].loss(rows, self.train.y)

    def validate(self, model: Module, graph: Data | None = None) -> float:
        """Validation metric of a model as it is; no other node is run."""
        return self._judge(model, graph, self._val)

    def evaluate(self, model: Module, graph: Data | None = None) -> Scores:
        """Validation and test metric of a finished model."""
        val = self._judge(model, graph, self._val)
        return Scores(val, self._judge(model, graph, self._test))

    def _judge(self, model: Module, graph: Data | None, part: Part) -> float:
        out = replace(self, shown=part.index).infer(model, graph)
        return OBJECTIVES[self.metric].score(out, part.y)


def _batches(index: Tensor, batch_size: int) -> list[Tensor]:
    """In turn; a single one left over joins those before it."""
    parts = list(index.split(batch_size))
    if len(parts) > 1 and batch_size > 1 and parts[-1].numel() == 1:
        parts[-2:] = [torch.cat(parts[-2:])]
    return parts
