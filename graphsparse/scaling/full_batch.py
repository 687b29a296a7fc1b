from __future__ import annotations

from dataclasses import dataclass, field

from torch.nn import Module

from graphsparse.nn import ModelRecipe
from graphsparse.pruning.init import initial_model
from graphsparse.scaling.base import Branch, Branched
from graphsparse.training import NodeTask, Task, Training, Watch, fit


@dataclass(frozen=True)
class FullBatch(Branch):
    """A net trained on the whole graph at once: what the other branches approximate.

    Args:
        model: The net; that of Duan et al. by default ("A Comprehensive Study on
            Large-Scale Graph Training", NeurIPS 2022 data sets and benchmarks).
        training: Epochs, optimiser, early stopping.
    """

    model: ModelRecipe = field(
        default_factory=lambda: ModelRecipe('sage', 128, 2, dropout=0.2)
    )
    training: Training = field(
        default_factory=lambda: Training(epochs=50, lr=0.01, weight_decay=0.0)
    )

    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """One training."""
        return self.fit(task, task, seed, watch)

    def fit(self, task: NodeTask, seen: Task, seed: int, watch: Watch) -> Branched:
        """Train on a task as it is seen: as a whole, or in batches."""
        ends = task.graph.x.size(1), task.out_channels
        net: Module = initial_model(lambda: self.model.build(*ends), seed)
        net = net.to(task.device)
        course = fit(net, seen, self.training, seed=seed, stage=self.name, watch=watch)
        facts = {'seed': seed, **course.summary()}
        return Branched(seen.infer(net).cpu(), net, {self.name: course}, facts)
