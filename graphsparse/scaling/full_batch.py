from __future__ import annotations

from dataclasses import dataclass, field

from torch.nn import Module

from graphsparse.nn import ModelRecipe
from graphsparse.pruning.init import initial_model
from graphsparse.scaling.base import Branch, Branched
from graphsparse.scaling.decoupled import Decoupled
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
        net, seen = self.begin(task, seed, watch)
        course = fit(net, seen, self.training, seed=seed, stage=self.name, watch=watch)
        facts = {'seed': seed, **course.summary()}
        return Branched(seen.infer(net).cpu(), net, {self.name: course}, facts)

    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, Task]:
        """The net, and the task as it is seen."""
        ends = task.graph.x.size(1), task.out_channels
        net = initial_model(lambda: self.model.build(*ends), seed)
        return net.to(task.device), self.seen(task)

    def seen(self, task: NodeTask) -> Task:
        """The task as a whole."""
        return task

    def baselines(self) -> dict[str, Branch]:
        """The features alone, without the graph."""
        recipe = self.model
        return {
            'mlp': Decoupled(
                net='mlp',
                hops=0,
                hidden_channels=recipe.hidden_channels,
                dropout=recipe.dropout or 0.0,
                training=self.training,
            )
        }
