from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Self

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data import GraphDataset
from graphsparse.data.checks import check_int
from graphsparse.engine import InputError
from graphsparse.training.node import Part, without_labels
from graphsparse.training.objectives import OBJECTIVES, read_labels
from graphsparse.training.task import Scores, Task


@dataclass(frozen=True, eq=False)
class GraphTask(Task):
    """Classify graphs: in batches, each epoch in another order.

    All graphs lie side by side in ``graph``, one Data in which ``batch`` tells the
    graph of each node: a mask over its edges sparsifies all of them. A model takes
    ``x``, ``edge_index``, ``edge_attr`` and ``batch`` and gives ``[graphs,
    out_channels]``. Losses and metrics are those of :class:`NodeTask`.

    Attributes:
        train: Training graphs and their labels.
        batch_size: Graphs a step, and at once where no gradient is kept.
        shown: The graphs that :meth:`predict` gives rows for, in its order; None for
            all of them.
    """

    graph: Data
    out_channels: int
    train: Part
    _val: Part
    _test: Part
    metric: str = 'roc_auc'
    batch_size: int = 256
    shown: Tensor | None = None
    whole: ClassVar[bool] = False

    @staticmethod
    def from_graphs(
        dataset: GraphDataset, metric: str | None = None, batch_size: int = 256
    ) -> GraphTask:
        """Take graphs, labels and the split apart.

        Labels -1 and NaN are missing; graphs without any label are in no part.

        Args:
            dataset: With ``y [1, labels]`` in each graph.
            metric: What ``dataset.metric`` says by default.
            batch_size: Graphs a step.

        Raises:
            InputError: If a graph has no nodes or no label can be read, or a part is
                empty or overlaps with another.
        """
        union = join_graphs(dataset)
        count = len(dataset)
        metric = metric or dataset.metric
        y, known, out_channels = read_labels(union.y, count, metric, 'graphs')
        given = [dataset.split[name] for name in ('train', 'valid', 'test')]
        taken = torch.bincount(torch.cat(given), minlength=count)
        if int(taken.max()) > 1:
            raise InputError(
                f'The split leaks: graph {int(taken.argmax())} is in several parts.'
            )
        train, val, test = (
            Part(index, y[index]) for index in (part[known[part]] for part in given)
        )
        for name, part in (('train', train), ('valid', val), ('test', test)):
            if not part.index.numel():
                raise InputError(f'Part {name!r} of the split has no labelled graph.')
        graph = without_labels(union)
        graph.batch = union.batch
        size = check_int('batch_size', batch_size, 1)
        return GraphTask(graph, out_channels, train, val, test, metric, size)

    def steps(
        self, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[tuple[Self, Data | None]]:
        """Batches of training graphs in an order drawn for this epoch."""
        generator = torch.Generator().manual_seed(seed)
        generator.manual_seed(
            int(torch.randint(2**62, (), generator=generator)) + epoch
        )
        order = torch.randperm(self.train.index.numel(), generator=generator)
        for rows in order.to(self.device).split(self.batch_size):
            part = Part(self.train.index[rows], self.train.y[rows])
            yield replace(self, train=part, shown=part.index), graph

    def predict(self, model: Module, graph: Data | None = None) -> Tensor:
        """Logits ``[graphs, out_channels]`` of the graphs shown, batch by batch."""
        graph = self.graph if graph is None else graph
        shown = self.shown
        if shown is None:
            shown = torch.arange(int(graph.batch[-1]) + 1, device=self.device)
        outs = []
        for index in shown.split(self.batch_size):
            some = take_graphs(graph, index)
            outs.append(
                model(some.x, some.edge_index, some.get('edge_attr'), some.batch)
            )
        return torch.cat(outs)

    def train_loss(self, out: Tensor) -> Tensor:
        """Loss of the rows that are training graphs."""
        rows = out if self.shown is not None else out[self.train.index]
        return OBJECTIVES[self.metric].loss(rows, self.train.y)

    def val_score(self, out: Tensor) -> float:
        """Metric on validation graphs, of outputs for all graphs."""
        return OBJECTIVES[self.metric].score(out[self._val.index], self._val.y)

    def test_score(self, out: Tensor) -> float:
        """Metric on test graphs, of outputs for all graphs."""
        return OBJECTIVES[self.metric].score(out[self._test.index], self._test.y)

    def validate(self, model: Module, graph: Data | None = None) -> float:
        """Validation metric of a model as it is; no other graph is run."""
        return self._judge(model, graph, self._val)

    def evaluate(self, model: Module, graph: Data | None = None) -> Scores:
        """Validation and test metric of a finished model."""
        val = self._judge(model, graph, self._val)
        return Scores(val, self._judge(model, graph, self._test))

    def _judge(self, model: Module, graph: Data | None, part: Part) -> float:
        out = replace(self, shown=part.index).infer(model, graph)
        return OBJECTIVES[self.metric].score(out, part.y)

    def to(self, device: torch.device | str) -> Self:
        """The same task on another device."""
        return replace(
            self,
            graph=copy.copy(self.graph).to(device),
            train=self.train.to(device),
            _val=self._val.to(device),
            _test=self._test.to(device),
            shown=None if self.shown is None else self.shown.to(device),
        )


def join_graphs(dataset: GraphDataset) -> Data:
    """All graphs side by side in one, with ``batch`` and labels ``y``.

    Raises:
        InputError: If features or labels are missing, a graph has no nodes, or not all
            graphs of the set are there.
    """
    data, slices = dataset._data, dataset.slices
    if data.get('y') is None or data.get('x') is None:
        raise InputError('The graphs need features x and labels y.')
    nodes, arcs = slices['x'].diff(), slices['edge_index'].diff()
    if len(dataset) != nodes.numel():
        raise InputError(
            f'Only {len(dataset)} of {nodes.numel()} graphs are given: give all; the '
            'split says which are trained on.'
        )
    if not nodes.all():
        raise InputError(f'Graph {int((nodes == 0).nonzero()[0])} has no nodes.')
    first = slices['x'][:-1].repeat_interleave(arcs)
    number = torch.arange(nodes.numel()).repeat_interleave(nodes)
    union = Data(x=data.x, edge_index=data.edge_index + first, y=data.y, batch=number)
    if data.get('edge_attr') is not None:
        union.edge_attr = data.edge_attr
    return union


def take_graphs(union: Data, index: Tensor) -> Data:
    """Some of many graphs side by side; ``batch`` numbers them in the order given.

    Args:
        union: ``batch`` tells the graph of each node.
        index: Which graphs ``[K]``, each once.
    """
    number = torch.full((int(union.batch[-1]) + 1,), -1, device=index.device)
    number[index] = torch.arange(index.numel(), device=index.device)
    batch = number[union.batch]
    nodes = (batch >= 0).nonzero().view(-1)
    arcs = (batch[union.edge_index[0]] >= 0).nonzero().view(-1)
    place = torch.empty_like(batch)
    place[nodes] = torch.arange(nodes.numel(), device=index.device)
    out = Data(
        x=union.x[nodes],
        edge_index=place[union.edge_index[:, arcs]],
        batch=batch[nodes],
    )
    if union.get('edge_attr') is not None:
        out.edge_attr = union.edge_attr[arcs]
    return out
