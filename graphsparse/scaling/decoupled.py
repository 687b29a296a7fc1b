from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from torch.nn import Module

from graphsparse.data.checks import check_int
from graphsparse.engine import resolve
from graphsparse.graph import Normalization
from graphsparse.loading import HopStore
from graphsparse.nn.hops import HopNet
from graphsparse.pruning.init import initial_model
from graphsparse.scaling.base import Branch, Branched
from graphsparse.training import HopTask, NodeTask, Training, Watch, fit


@dataclass(frozen=True)
class Decoupled(Branch):
    """Propagate features once, then train a net on them in batches, with no graph.

    Wu et al., SGC (ICML 2019); Frasca et al., SIGN (2020); Sun et al., SAGN (2021);
    Zhang et al., GAMLP (KDD 2022). The defaults are those of Duan et al., "A
    Comprehensive Study on Large-Scale Graph Training" (NeurIPS 2022 data sets and
    benchmarks). In a watch's folder the hops are mapped from disk.

    Args:
        net: Name of a :class:`~graphsparse.nn.hops.HopNet`.
        hops: Beyond the features themselves.
        normalization: Of the graph: 'sym', 'row' or 'column'.
        self_loops: One self-loop at every node; False takes loops as given.
        hidden_channels: Width of the net's hidden layers.
        dropout: Of the net.
        net_args: Its further options.
        batch_size: Nodes a step.
        training: Epochs, optimiser, early stopping.
    """

    net: str = 'sign'
    hops: int = 4
    normalization: Normalization = 'sym'
    self_loops: bool = False
    hidden_channels: int = 128
    dropout: float = 0.2
    net_args: Mapping[str, Any] = field(default_factory=dict)
    batch_size: int = 5000
    training: Training = field(
        default_factory=lambda: Training(epochs=50, lr=0.01, weight_decay=0.0)
    )

    def __post_init__(self) -> None:
        check_int('batch_size', self.batch_size, 1)
        initial_model(lambda: self.make_net(1, 2), 0)

    def make_net(self, in_channels: int, out_channels: int) -> HopNet:
        """The net, its weights drawn from torch's global state."""
        return resolve(
            HopNet,  # type: ignore[type-abstract]
            self.net,
            in_channels=in_channels,
            out_channels=out_channels,
            num_hops=self.hops,
            hidden_channels=self.hidden_channels,
            dropout=self.dropout,
            **self.net_args,
        )

    def build_store(self, task: NodeTask, watch: Watch) -> HopStore:
        """The hops of a task's features, in the watch's folder if it has one."""
        return HopStore.build(
            task.graph,
            task.graph.x,
            self.hops,
            self.normalization,
            self.self_loops,
            watch.folder / 'hops' if watch.folder and self.hops else None,
        )

    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """One training on rows of the store."""
        start = time.perf_counter()
        net, rows = self.begin(task, seed, watch)
        seconds = time.perf_counter() - start
        course = fit(net, rows, self.training, seed=seed, stage=self.net, watch=watch)
        facts = {'seed': seed, 'hop_seconds': seconds, **course.summary()}
        return Branched(rows.infer(net).cpu(), net, {self.net: course}, facts)

    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, HopTask]:
        """The net and the task on rows of the store."""
        store = self.build_store(task, watch)
        rows = HopTask.of(task, store, batch_size=self.batch_size)
        ends = store.num_features, task.out_channels
        net: Module = initial_model(lambda: self.make_net(*ends), seed)
        return net.to(task.device), rows

    def baselines(self) -> dict[str, Branch]:
        """The features alone, without the graph."""
        args: dict[str, Any] = {'net': 'mlp', 'hops': 0, 'net_args': {}}
        return {} if self.net == 'mlp' else {'mlp': replace(self, **args)}
