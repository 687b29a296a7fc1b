from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.loading import Sampling, infer_layerwise
from graphsparse.loading.epochs import EpochLoader
from graphsparse.training.node import NodeTask, Part
from graphsparse.training.task import Share, Task


@dataclass(frozen=True, eq=False)
class SampledTask(Task):
    """A node task that is trained on sampled parts of its graph.

    An epoch takes one step a batch; batches without a training node are passed over.
    Which are drawn depends on epoch and seed alone, so a training that is stopped goes
    on with those it would have had. Outputs for all nodes come from the whole graph.

    Example:
        >>> task = SampledTask.of(data, NeighborSampling((10, 10)), block=65536)
        >>> fit(model, task)

    Attributes:
        task: What is learned.
        sampling: How batches are made.
        block: Nodes at a time where all nodes' outputs are computed layer by layer,
            by :func:`~graphsparse.loading.infer_layerwise`; None runs the model once on
            the whole graph.
        num_workers: Processes that make batches ahead.
    """

    graph: Data
    out_channels: int
    metric: str
    task: NodeTask
    sampling: Sampling
    block: int | None = None
    num_workers: int = 0
    _loaders: dict[str, Any] = field(default_factory=dict, repr=False)
    whole: ClassVar[bool] = False

    @staticmethod
    def of(
        data_or_task: Data | NodeTask,
        sampling: Sampling,
        block: int | None = None,
        num_workers: int = 0,
    ) -> SampledTask:
        """The same task, in batches.

        Raises:
            InputError: If data or sampling cannot be used.
        """
        task = data_or_task
        if not isinstance(task, NodeTask):
            task = NodeTask.from_data(task)
        facts = task.graph, task.out_channels, task.metric
        return SampledTask(*facts, task, sampling, block, num_workers)

    def steps(
        self, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[tuple[NodeTask, None]]:
        """The batches of an epoch, each a node task on a graph of its own."""
        return self._batches(epoch, seed, graph)

    def shares(
        self, rank: int, size: int, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[Share]:
        """Every size-th batch; the others are not made."""
        for part, seen in self._batches(epoch, seed, graph, (rank, size)):
            yield Share(part, seen)

    def _batches(
        self,
        epoch: int,
        seed: int,
        graph: Data | None,
        share: tuple[int, int] = (0, 1),
    ) -> Iterator[tuple[NodeTask, None]]:
        loader = self._loader(self.graph if graph is None else graph, seed)
        loader.epoch, loader.share = epoch, share
        place = torch.full((int(self.graph.num_nodes or 0),), -1)
        place[self.task.train.index.cpu()] = torch.arange(self.task.train.index.numel())
        for batch in loader:
            found = place[batch.n_id[: batch.get('batch_size')]]
            rows = (found >= 0).nonzero().squeeze(1)
            if rows.numel():
                part = self._part(rows, found[rows], batch.get('node_norm'))
                yield replace(self.task, graph=self._seen(batch), train=part), None

    def _loader(self, graph: Data, seed: int) -> EpochLoader:
        """The loader of a graph; the last one is kept."""
        if self._loaders.get('key') != (id(graph), seed):
            nodes, workers = self.task.train.index.cpu(), self.num_workers
            here = copy.copy(graph).to('cpu')
            loader = self.sampling.load(here, nodes, seed, num_workers=workers)
            self._loaders.update(key=(id(graph), seed), graph=graph, loader=loader)
        return self._loaders['loader']

    def _part(self, rows: Tensor, found: Tensor, norm: Tensor | None) -> Part:
        weight = None if norm is None else norm[rows]
        part = Part(rows, self.task.train.y[found.to(self.device)], weight)
        return part.to(self.device)

    def _seen(self, batch: Data) -> Data:
        """What the model sees of a batch."""
        keys = [k for k in ('edge_weight', 'edge_attr') if batch.get(k) is not None]
        out = Data(
            x=batch.x, edge_index=batch.edge_index, **{k: batch[k] for k in keys}
        )
        if batch.get('edge_norm') is not None:
            weight = batch.get('edge_weight')
            norm = batch.edge_norm
            out.edge_weight = norm if weight is None else norm * weight
        return out.to(self.device)

    def predict(self, model: Module, graph: Data | None = None) -> Tensor:
        """Logits ``[nodes, out_channels]`` on the whole graph."""
        return self.task.predict(model, graph)

    def infer(self, model: Module, graph: Data | None = None) -> Tensor:
        """:meth:`predict` in evaluation mode, in blocks where ``block`` says so."""
        if self.block is None:
            return super().infer(model, graph)
        graph = self.graph if graph is None else graph
        training = model.training
        model.eval()
        try:
            out = infer_layerwise(model, graph.x, graph, self.block)
        finally:
            model.train(training)
        return out.to(self.device)

    def train_loss(self, out: Tensor) -> Tensor:
        """Loss of outputs for the whole graph."""
        return self.task.train_loss(out)

    def val_score(self, out: Tensor) -> float:
        """Metric on validation nodes."""
        return self.task.val_score(out)

    def test_score(self, out: Tensor) -> float:
        """Metric on test nodes."""
        return self.task.test_score(out)

    def to(self, device: torch.device | str) -> Self:
        """The same task on another device."""
        task = self.task.to(device)
        return replace(self, graph=task.graph, task=task, _loaders={})
