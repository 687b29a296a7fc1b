"""Skips for a deep GCN, at the layers through which too little flows."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any, NamedTuple, get_args

from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import RewiredGCN
from graphsparse.nn.models.rewired_gcn import Target, check_target
from graphsparse.pruning import Init, Ticket
from graphsparse.pruning.init import ModelLike, initial_model
from graphsparse.rewiring.flow import Flow
from graphsparse.rewiring.isometric import Mode, check_mode, initialise
from graphsparse.rewiring.monitor import Metric, Monitor, Trigger
from graphsparse.training import Fit, Task, Training, Watch, as_task, fit


class Skip(NamedTuple):
    """A layer that has a skip, and why.

    Attributes:
        layer: From 0; the first and the last layer never have one.
        epoch: In which its metric fell below the threshold.
        value: Of the metric then.
        reference: Of the metric at first.
    """

    layer: int
    epoch: int
    value: float
    reference: float


@dataclass(frozen=True, eq=False)
class Rewired:
    """A deep GCN, and how it came by its skips.

    Attributes:
        model: Trained, in evaluation mode, at its best validation epoch; or not yet.
        skips: Those it has, in the order in which they were found.
        flow: Gradient norms, and energies if they decided, of the training that found
            them: the probe's, or up to the chosen epoch the model's own.
        init: The model's state before it was trained.
        config: Hyper-parameters of the method.
        course: Of the model's training, if it is trained.
    """

    model: RewiredGCN
    skips: tuple[Skip, ...]
    flow: Flow
    init: Init
    config: Mapping[str, Any]
    course: Fit | None = None

    def ticket(self) -> Ticket:
        """All of its weights on all of the graph, to be saved; skips are a buffer."""
        state = self.model.state_dict() if self.course else None
        return Ticket(
            'rewired', self.config, self.init, trained=state, facts=self.summary()
        )

    def summary(self) -> dict[str, Any]:
        """What a table says of it, JSON-able."""
        skips = {'skips': [skip._asdict() for skip in self.skips]}
        if self.course is None:
            return skips
        return skips | {'val': self.course.best_val, **self.course.summary()}


@dataclass(frozen=True)
class DynamicRewiring:
    """Dynamic rewiring: skips from the first layer to those that stop to learn.

    Jaiswal, Wang, Chen et al., "Old can be Gold: Better Gradient Flow can Make
    Vanilla-GCNs Great Again", NeurIPS 2022. The defaults are the released code's. It
    trains a probe, of which it only asks which layers' outputs lose so much of the
    Dirichlet energy that they had in the first epoch, dropout on; then it trains
    another net, of the next seed but one, that has a skip at each of them from the
    start. The paper itself speaks of gradients, and of skips that come in while the
    net is trained: ``metric='gradient'`` and ``online=True``. What the paper's
    threshold for gradients is, is not known; nor how they are smoothed.

    Args:
        metric: What tells a layer that stops to learn: the Dirichlet 'energy' of its
            outputs, or the norm of its weights' 'gradient'.
        threshold: A layer gets a skip once its metric is below this share of what it
            was at first. At 0 none does, at infinity all do.
        probe_epochs: Of the probe, all of which are trained.
        online: Train no probe: the net itself gets a skip in the epoch after the one
            that asks for it, the optimiser going on as it was.
        target: Where skips come from: the 'initial' layer or the 'previous' one.
        alpha: Weight of what a skip brings.
        init: How weights are drawn for the graph at hand, a mode of
            :func:`initialise`; None keeps the model's own.
        warmup: Epochs whose mean gradient norm is what it was at first.
        smoothing: Share that stays, at each epoch, of a running mean of gradient
            norms, which starts there.
        training: Of the net; the probe's too, but for the number of epochs.

    Raises:
        InputError: If an option is out of its range.
    """

    metric: Metric = 'energy'
    threshold: float = 0.4
    probe_epochs: int = 200
    online: bool = False
    target: Target = 'initial'
    alpha: float = 1.0
    init: Mode | None = 'pairwise_relu'
    warmup: int = 5
    smoothing: float = 0.9
    training: Training = field(
        default_factory=lambda: Training(epochs=3500, lr=5e-3, ties='first')
    )

    def __post_init__(self) -> None:
        if self.metric not in get_args(Metric):
            raise InputError(
                f"metric has to be 'energy' or 'gradient' (got {self.metric!r})."
            )
        check_target(self.target)
        if self.init is not None:
            check_mode(self.init)
        if not math.isfinite(self.alpha):
            raise InputError(f'alpha has to be finite (got {self.alpha}).')
        if not 0 <= self.smoothing < 1:
            raise InputError(f'smoothing has to be in [0, 1) (got {self.smoothing}).')
        for name, low in (('threshold', 0), ('probe_epochs', 1), ('warmup', 1)):
            if not getattr(self, name) >= low:
                raise InputError(
                    f'{name} has to be at least {low} (got {getattr(self, name)}).'
                )
        if self.metric == 'gradient' and self._watched_epochs() <= self.warmup:
            raise InputError(
                f'Of {self._watched_epochs()} epochs none is left after a warmup of '
                f'{self.warmup}: no gradient would be compared with the first ones.'
            )

    def _watched_epochs(self) -> int:
        return self.training.epochs if self.online else self.probe_epochs

    def rewire(
        self,
        model: ModelLike,
        data_or_task: Data | Task,
        seed: int = 0,
        watch: Watch | None = None,
    ) -> Rewired:
        """Find the layers that need a skip, and train the net that has them.

        Args:
            model: A :class:`~graphsparse.nn.RewiredGCN`, or a factory of one without
                arguments, called under the seed. It is deep-copied and never changed;
                target and alpha of the copy are those of this method.
            data_or_task: A ``Data`` with split masks, or a Task. Only the training
                loss and validation scores are asked for.
            seed: Of the probe; the final net's is ``seed + 2``. Of the net that is
                trained, if there is no probe.
            watch: Callbacks and checkpoints; the stages are 'rewiring_probe' and
                'rewired'.

        Raises:
            InputError: If the model is of another kind or the data cannot be used.
        """
        task, watch = as_task(data_or_task), watch or Watch()
        if self.online:
            init = Init.of(self._start(model, task, seed))
            monitor, course = self._watched(model, task, seed, watch)
            found = monitor.net, _skips(monitor), monitor.flow()
            return Rewired(*found, init, self.config(), course)
        start = self.prepare(model, task, seed, watch)
        course = fit(
            start.model,
            task,
            self.training,
            seed=seed + 2,
            stage='rewired',
            watch=watch,
        )
        return replace(start, course=course)

    def prepare(
        self,
        model: ModelLike,
        data_or_task: Data | Task,
        seed: int = 0,
        watch: Watch | None = None,
    ) -> Rewired:
        """The net with its skips before it is trained: what a ticket search starts at.

        The arguments are those of :meth:`rewire`, whose final net, of seed + 2, this
        is. With ``online`` the net itself is trained in the place of the probe.
        """
        task, watch = as_task(data_or_task), watch or Watch()
        monitor, _ = self._watched(model, task, seed, watch)
        skips = _skips(monitor)
        net = self._start(model, task, seed + 2)
        net.set_skips(skip.layer for skip in skips)
        return Rewired(net, skips, monitor.flow(), Init.of(net), self.config())

    def _watched(
        self, model: ModelLike, task: Task, seed: int, watch: Watch
    ) -> tuple[Monitor, Fit]:
        """Train the net itself, or a probe of it, and look at its layers."""
        training = replace(self.training, epochs=self._watched_epochs())
        trigger = Trigger(self.metric, self.threshold, self.warmup, self.smoothing)
        net = self._start(model, task, seed)
        adj = to_adjacency(task.graph)
        monitor = Monitor(net, adj, trigger, training.epochs, self.online)
        course = fit(
            monitor,
            task,
            training,
            project=_after_step,
            seed=seed,
            stage='rewired' if self.online else 'rewiring_probe',
            watch=watch,
            choose='best' if self.online else 'last',
        )
        return monitor, course

    def _start(self, model: ModelLike, task: Task, seed: int) -> RewiredGCN:
        """The net before it is trained, without skips."""
        net = initial_model(model, seed)
        if not isinstance(net, RewiredGCN):
            raise InputError(
                f'Only a RewiredGCN can be given skips (got {type(net).__name__}): '
                'graphsparse.RewiredGCN(in_channels, out_channels, num_layers=16).'
            )
        net = net.to(task.device)
        if self.init is not None:
            net = initialise(net, task.graph, self.init, seed)
        assert isinstance(net, RewiredGCN)
        net.target, net.alpha = self.target, self.alpha
        net.set_skips([])
        return net

    def baselines(self) -> dict[str, DynamicRewiring]:
        """The same net without a skip, and with one wherever one can be."""
        once = replace(self, metric='energy', probe_epochs=1, online=False)
        return {
            'none': replace(once, threshold=0.0),
            'all': replace(once, threshold=math.inf),
        }

    def config(self) -> dict[str, Any]:
        """The hyper-parameters, JSON-able: an infinite threshold is 'inf'."""
        config = asdict(self)
        return config | ({'threshold': 'inf'} if self.threshold == math.inf else {})


def _after_step(model: Module) -> None:
    assert isinstance(model, Monitor)
    model.after_step()


def _skips(monitor: Monitor) -> tuple[Skip, ...]:
    """The layers that a skip was found for; online, those that have it by now."""
    found = monitor.triggered >= 0
    if monitor.online:
        found = monitor.net.skips
    skips = []
    for layer in found.nonzero().flatten().tolist():
        epoch = int(monitor.triggered[layer])
        skips.append(Skip(layer, epoch, *monitor.value(layer)))
    return tuple(sorted(skips, key=lambda skip: (skip.epoch, skip.layer)))
