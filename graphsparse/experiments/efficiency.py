"""What a training step of a branch takes, and how that grows with the graph."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.scaling import Branch
from graphsparse.training import NodeTask, Task, Watch


@dataclass(frozen=True)
class Cost:
    """Of one step; medians over several.

    Attributes:
        nodes: Rows that go into the net.
        activation_bytes: What autograd keeps for the backward pass, without
            parameters, inputs and the graph's arrays of integers.
        seconds: Forward, backward and the optimiser's step.
        loading: Seconds until the batch is there.
        steps: How many make an epoch.
    """

    nodes: float
    activation_bytes: float
    seconds: float
    loading: float
    steps: int

    @property
    def epoch_seconds(self) -> float:
        """Of as many steps as an epoch has, batches included."""
        return self.steps * (self.seconds + self.loading)


def measure_cost(
    branch: Branch, task: NodeTask, seed: int = 0, watch: Watch | None = None
) -> Cost:
    """Train one epoch, or at least five steps, after one to warm up.

    The protocol of Duan et al., "A Comprehensive Study on Large-Scale Graph Training"
    (NeurIPS 2022 data sets and benchmarks), section 5, with the time that sampling
    takes apart, which their throughput leaves out.
    """
    net, seen = branch.begin(task, seed, watch or Watch())
    optimizer = torch.optim.Adam(net.parameters())
    epoch = list(_take_steps(net, seen, optimizer, 0, seed))
    found = epoch[1:]
    number = 1
    while len(found) < 5:
        found += _take_steps(net, seen, optimizer, number, seed)
        number += 1
    nodes, kept, seconds, loading = map(statistics.median, zip(*found, strict=True))
    return Cost(nodes, kept, seconds, loading, len(epoch))


def _take_steps(
    net: Module, seen: Task, optimizer: torch.optim.Optimizer, epoch: int, seed: int
) -> Iterator[tuple[int, int, float, float]]:
    net.train()
    steps = seen.steps(epoch, seed)
    while True:
        start = time.perf_counter()
        found = next(steps, None)
        if found is None:
            return
        loaded = time.perf_counter()
        part, graph = found
        saved = Saved(net)
        optimizer.zero_grad()
        loss = part.train_loss(part.predict(saved, graph))
        loss.backward()
        optimizer.step()
        done = time.perf_counter()
        yield saved.nodes, saved.bytes, done - loaded, loaded - start


class Saved(Module):
    """A net that counts what its last forward pass left for the backward pass.

    Args:
        net: What runs.

    Attributes:
        nodes: Rows of its first input.
        bytes: Of floats and masks kept; each storage once, no parameter, no input.
    """

    def __init__(self, net: Module) -> None:
        super().__init__()
        self.net = net
        self.nodes = self.bytes = 0

    def forward(self, *inputs: Any) -> Tensor:
        """The net's own."""
        known = [t for t in inputs if isinstance(t, Tensor)] + [*self.net.parameters()]
        seen = {t.untyped_storage().data_ptr() for t in known}
        self.nodes, self.bytes = inputs[0].size(0), 0
        kept = []

        def pack(tensor: Tensor) -> Tensor:
            storage = tensor.untyped_storage()
            whole = tensor.dtype in (torch.int32, torch.int64)
            if not whole and storage.data_ptr() not in seen:
                seen.add(storage.data_ptr())
                kept.append(storage)  # held, so that no other gets its address
                self.bytes += storage.nbytes()
            return tensor

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            return self.net(*inputs)


def fit_growth(branches: Mapping[int, Branch], seed: int = 0) -> dict[str, float]:
    """Exponents a of N in what an epoch and a step cost: time and memory ~ N^a.

    Least squares on logarithms, over graphs of a contextual block model with degree
    20, 64 features and half of the nodes trained on.

    Args:
        branches: By the number of nodes of a graph, the branch on it.
        seed: Of graphs and nets.

    Raises:
        InputError: If there are fewer than two sizes, which give no slope.
    """
    if len(branches) < 2:
        raise InputError(
            f'Growth is fitted from two sizes or more (got {list(branches)}).'
        )
    costs, sizes = [], list(branches)
    for size, branch in branches.items():
        data = csbm(size, 4, 20.0, num_features=64, train_per_class=size // 8)
        task = NodeTask.from_data(data)
        costs.append(measure_cost(branch, task, seed))

    def exponent(values: Sequence[float]) -> float:
        logs = np.log(np.maximum(values, 1e-9))
        return float(np.polyfit(np.log(sizes), logs, 1)[0])

    return {
        'time_exponent': exponent([cost.epoch_seconds for cost in costs]),
        'memory_exponent': exponent([cost.activation_bytes for cost in costs]),
    }
