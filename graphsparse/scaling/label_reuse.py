from __future__ import annotations

import copy
import time
from dataclasses import dataclass, field, replace

from torch import Tensor
from torch.nn import Module

from graphsparse.data.checks import check_float, check_int
from graphsparse.graph import Propagation
from graphsparse.kernels.streams import step_key
from graphsparse.nn.hops import LabelNet
from graphsparse.pruning.init import initial_model
from graphsparse.scaling.base import Branch, Branched, one_hot_labels
from graphsparse.scaling.decoupled import Decoupled
from graphsparse.scaling.pseudo_labels import PseudoLabelState
from graphsparse.training import Fit, HopTask, NodeTask, Watch, fit


@dataclass(frozen=True)
class LabelReuse(Branch):
    r"""Self-label-enhanced training: labels as inputs, confident predictions as labels.

    A perceptron of the propagated training labels :math:`S^k Y` (zeros for all other
    nodes) is added to a net over hops. Training runs in stages, each from new weights;
    from the second on, nodes that the stage before was confident of are trained on as
    well, with the class it predicted. They are never among the labels propagated.
    Sun, Gu & Hu, "Scalable and Adaptive Graph Neural Networks with Self-Label-Enhanced
    Training", 2021.

    From two hops on a training node sees a diluted copy of its own label in
    :math:`S^k Y`, which no test node does; the authors accept that.

    Args:
        base: Net, hops and training; SAGN by default.
        label_hops: Hops k of the labels.
        label_hidden: Width of the label perceptron.
        stages: How many trainings.
        threshold: Probability from which on a prediction is confident.
    """

    base: Decoupled = field(default_factory=lambda: Decoupled(net='sagn'))
    label_hops: int = 4
    label_hidden: int = 128
    stages: int = 3
    threshold: float = 0.9

    def __post_init__(self) -> None:
        check_int('label_hops', self.label_hops, 1)
        check_int('label_hidden', self.label_hidden, 1)
        check_int('stages', self.stages, 1)
        check_float('threshold', self.threshold, 0)

    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """Stage after stage, each of which sees what the one before was sure of."""
        one_hot = one_hot_labels(task, 'Label reuse')
        start = time.perf_counter()
        store = self.base.build_store(task, watch)
        labels = self.propagate(task, one_hot)
        facts = {'seed': seed, 'hop_seconds': time.perf_counter() - start}
        given = PseudoLabelState.of(task.train, store.num_nodes)
        state, trained_on = given, []
        courses: dict[str, Fit] = {}
        for stage in range(self.stages):
            part = state.part().to(task.device)
            rows = HopTask.of(
                replace(task, train=part), store, labels, self.base.batch_size
            )
            key = step_key(seed, stage)
            net = initial_model(lambda: self.make_net(task), key).to(task.device)
            name = f'stage_{stage}'
            courses[name] = fit(
                net, rows, self.base.training, seed=key, stage=name, watch=watch
            )
            logits = rows.infer(net).cpu()
            trained_on.append(part.index.numel())
            state = given.grow(logits, self.threshold)
        return Branched(logits, net, courses, facts | {'trained_on': trained_on})

    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, HopTask]:
        """Net and rows of the first stage."""
        labels = self.propagate(task, one_hot_labels(task, 'Label reuse'))
        store = self.base.build_store(task, watch)
        net: Module = initial_model(lambda: self.make_net(task), step_key(seed, 0))
        rows = HopTask.of(task, store, labels, self.base.batch_size)
        return net.to(task.device), rows

    def baselines(self) -> dict[str, Branch]:
        """The same net without labels among its inputs."""
        return {'base': self.base}

    def propagate(self, task: NodeTask, one_hot: Tensor) -> Tensor:
        """Training labels after ``label_hops`` hops ``[nodes, classes]``."""
        base, graph = self.base, copy.copy(task.graph).cpu()
        step = Propagation.of(graph, base.normalization, base.self_loops, one_hot.dtype)
        for _ in range(self.label_hops):
            one_hot = step @ one_hot
        return one_hot

    def make_net(self, task: NodeTask) -> LabelNet:
        """The base's net and the label perceptron, drawn from torch's global state."""
        net = self.base.make_net(task.graph.x.size(1), task.out_channels)
        return LabelNet(net, self.label_hidden, dropout=self.base.dropout)
