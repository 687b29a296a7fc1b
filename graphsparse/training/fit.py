from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.training.checkpoint import Checkpoint
from graphsparse.training.distributed import ALONE, World
from graphsparse.training.task import Task


@dataclass(frozen=True)
class Training:
    """How a network is trained, whatever the method.

    Args:
        epochs: Full passes at most.
        lr: Learning rate.
        weight_decay: Of the optimiser, coupled in Adam.
        optimizer: Name of a class in ``torch.optim``.
        patience: Stop after this many epochs without a better validation score;
            0 never stops early.
        ties: Which of several epochs with the best validation score is restored.
    """

    epochs: int = 200
    lr: float = 0.01
    weight_decay: float = 5e-4
    optimizer: str = 'Adam'
    patience: int = 0
    ties: Literal['first', 'last'] = 'last'

    def __post_init__(self) -> None:
        for name, low in (('epochs', 1), ('lr', 0), ('weight_decay', 0)):
            if not getattr(self, name) >= low:
                raise InputError(
                    f'{name} has to be at least {low} (got {getattr(self, name)}).'
                )
        kind = getattr(torch.optim, self.optimizer, None)
        if not (isinstance(kind, type) and issubclass(kind, Optimizer)):
            raise InputError(f"torch.optim has no optimiser '{self.optimizer}'.")

    def make_optimizer(self, model: Module) -> Optimizer:
        """The optimiser for the parameters of ``model`` that are trained."""
        kind = getattr(torch.optim, self.optimizer)
        trained = [p for p in model.parameters() if p.requires_grad]
        return kind(trained, lr=self.lr, weight_decay=self.weight_decay)


class Step(NamedTuple):
    """What an epoch ended with."""

    stage: str
    epoch: int
    epochs: int
    loss: float
    val: float
    model: Module


class Callback(Protocol):
    """Called at the end of every epoch; reads, changes nothing."""

    def __call__(self, step: Step) -> None:
        """One epoch is done."""


LossTerm = Callable[[Module, Tensor], Tensor]


@dataclass(frozen=True)
class Watch:
    """Who looks on, and where a run is kept so that a kill loses little.

    Args:
        callbacks: Called at every epoch's end.
        folder: Where checkpoints go, one a stage; None keeps none. A run that finds
            its own there goes on from it, bit for bit.
        every: Seconds between checkpoints; the last epoch always has one.
        world: The processes that train together; this one alone by default. Callbacks
            are called on each; the first one alone has a folder.
    """

    callbacks: Sequence[Callback] = ()
    folder: Path | None = None
    every: float = 30.0
    world: World = ALONE

    def __post_init__(self) -> None:
        if self.world.rank:
            object.__setattr__(self, 'folder', None)

    def checkpoint(self, stage: str) -> Checkpoint:
        """The checkpoint of one stage of the run."""
        path = self.folder / f'{stage}.safetensors' if self.folder else None
        return Checkpoint(path, self.world)


@dataclass
class Fit:
    """The course of a training, and what it chose.

    Attributes:
        loss: Training loss of each epoch, mean over its steps.
        val: Validation score of each epoch.
        seconds: Of each epoch's training steps, evaluation apart.
        best_epoch: The epoch whose weights the model holds, from 0.
    """

    loss: list[float] = field(default_factory=list)
    val: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    best_epoch: int = -1

    @property
    def best_val(self) -> float:
        """The best validation score."""
        return self.val[self.best_epoch]

    @property
    def epoch_seconds(self) -> float:
        """Median seconds of an epoch's training steps."""
        return statistics.median(self.seconds)

    def summary(self) -> dict[str, float]:
        """What a result says of it."""
        return {
            'epochs': len(self.val),
            'best_epoch': self.best_epoch,
            'epoch_seconds': self.epoch_seconds,
        }


def fit(
    model: Module,
    task: Task,
    training: Training | None = None,
    *,
    graph: Data | None = None,
    optimizer: Callable[[Module], Optimizer] | None = None,
    loss_terms: Sequence[LossTerm] = (),
    project: Callable[[Module], None] | None = None,
    seed: int = 0,
    stage: str = 'fit',
    watch: Watch | None = None,
    choose: Literal['best', 'last'] = 'best',
) -> Fit:
    """Train ``model`` in place and restore its best validation epoch.

    Args:
        model: Trained in place from its present weights.
        task: Loss and validation score.
        training: Epochs, optimiser, early stopping.
        graph: A sparser graph to train on; the task's own by default.
        optimizer: Makes another optimiser than ``training`` names.
        loss_terms: Added to the loss: functions of the model and its outputs.
        project: Applied to the model after every step, before it is evaluated.
        seed: Of everything random in here; the global state is put back.
        stage: Name of this training among those of a run.
        watch: Callbacks, checkpoints, and the processes that train together.
        choose: 'last' leaves the model as the last epoch did, whatever its score, and
            never stops early.

    Returns:
        Losses, scores and times of all epochs. ``model`` holds the chosen epoch's
        weights and buffers and is in evaluation mode.
    """
    training, watch = training or Training(), watch or Watch()
    device = next(model.parameters()).device
    devices = [device] if device.type == 'cuda' else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        watch.world.align(model, (type(task).__name__, training, seed, stage))
        maker = optimizer or training.make_optimizer
        return _fit(
            model,
            task,
            training,
            graph,
            maker(model),
            loss_terms,
            project,
            seed,
            stage,
            watch,
            choose,
        )


def _fit(
    model: Module,
    task: Task,
    training: Training,
    graph: Data | None,
    optimizer: Optimizer,
    loss_terms: Sequence[LossTerm],
    project: Callable[[Module], None] | None,
    seed: int,
    stage: str,
    watch: Watch,
    choose: str,
) -> Fit:
    checkpoint, world = watch.checkpoint(stage), watch.world
    course, best = checkpoint.restore(Fit(), model, optimizer)
    saved = time.monotonic()
    for epoch in range(len(course.loss), training.epochs):
        if training.patience and epoch - course.best_epoch > training.patience:
            break
        start = time.perf_counter()
        model.train()
        losses = []
        for share in world.deal(task, epoch, seed, graph):
            optimizer.zero_grad()
            out = share.task.predict(model, share.graph)
            loss = share.task.train_loss(out)
            for term in loss_terms:
                loss = loss + term(model, out)
            loss.backward()
            losses.append(world.average(model, loss.detach(), share.weight))
            optimizer.step()
            if project is not None:
                project(model)
        course.seconds.append(time.perf_counter() - start)
        course.loss.append(statistics.fmean(map(float, losses)))
        world.settle(model)
        course.val.append(world.from_first(lambda: task.validate(model, graph)))
        if choose == 'last' or _is_better(course, training.ties):
            course.best_epoch = epoch
            best = {n: t.detach().clone() for n, t in model.state_dict().items()}
        for callback in watch.callbacks:
            callback(
                Step(
                    stage,
                    epoch,
                    training.epochs,
                    course.loss[-1],
                    course.val[-1],
                    model,
                )
            )
        if time.monotonic() - saved >= watch.every:
            checkpoint.save(course, model, optimizer, best)
            saved = time.monotonic()
    checkpoint.save(course, model, optimizer, best)
    model.load_state_dict(best)
    model.eval()
    return course


def _is_better(course: Fit, ties: str) -> bool:
    if course.best_epoch < 0:
        return True
    now, best = course.val[-1], course.val[course.best_epoch]
    return best != best or now > best or (ties == 'last' and now == best)
