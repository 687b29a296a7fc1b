"""Data sets of nodes, links or graphs, and the nets that OGB's examples train."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

import torch
from torch.nn import Module

from graphsparse.data import load
from graphsparse.data.cards import read_card
from graphsparse.data.checks import check_int
from graphsparse.engine import InputError
from graphsparse.experiments.problem import Problem
from graphsparse.nn import (
    LearnedFeatures,
    LinkNet,
    MLPDecoder,
    ModelRecipe,
    MoleculeGINE,
    Pooled,
)
from graphsparse.training import GraphTask, LinkTask, NodeTask, Task, Training

MOLECULES = 'molecule_gine'


class Example(NamedTuple):
    """How OGB's own example trains on a kind of data set."""

    model: ModelRecipe
    training: Training
    batch_size: int | None


def _adam(epochs: int, lr: float) -> Training:
    return Training(epochs, lr, weight_decay=0.0, ties='first')


# ogbn-arxiv, ogbl-ddi and ogbg-molhiv of the examples in snap-stanford/ogb, less their
# batch norm between GCN layers and their clipping of gradients.
EXAMPLES = {
    'node': Example(ModelRecipe('gcn', 256, 3, 0.5), _adam(500, 0.01), None),
    'link': Example(ModelRecipe('sage', 256, 2, 0.5), _adam(200, 0.005), 64 * 1024),
    'graph': Example(ModelRecipe(MOLECULES, 300, 5, 0.5), _adam(100, 0.001), 32),
}


@dataclass(frozen=True)
class Contest(Problem):
    """A data set of nodes, links or graphs, and a net to solve it with.

    Args:
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        model: What is trained, see :func:`net_factory`.
        batch_size: Links or graphs a step; the task's own by default.
        undirected: Add the reverse of every arc that lacks it, where nodes are learned.
    """

    batch_size: int | None = None
    undirected: bool = False

    def task(self, split: int) -> Task:
        """The data set's task under one split, on the device.

        Raises:
            InputError: If nodes shall be learned in batches.
        """
        both_ways = self.undirected and read_card(self.dataset).task == 'node'
        data = load(self.dataset, self.root, split, undirected=both_ways)
        task = Task.from_data(data).to(self.torch_device())
        if self.batch_size is None:
            return task
        if not isinstance(task, LinkTask | GraphTask):
            raise InputError(
                f'batch_size is of links or graphs, and {self.dataset!r} is learned '
                'as a whole: leave it out.'
            )
        return replace(task, batch_size=check_int('batch_size', self.batch_size, 1))

    def factory(self, task: Task) -> Callable[[], Module]:
        """Makes the net for a task."""
        return net_factory(task, self.model)

    def check(self, seed: int) -> None:
        """Raise what is wrong with data set, net or device before anything runs."""
        with torch.random.fork_rng(devices=[]):
            self.factory(self.task(self.split(seed)))()


def net_factory(task: Task, recipe: ModelRecipe) -> Callable[[], Module]:
    """Makes the net of a recipe for nodes, links or graphs.

    For links it gives embeddings as wide as it is itself, an :class:`MLPDecoder` of as
    many layers scores them, and where nodes have no features they are learned. For
    graphs its outputs are pooled; 'molecule_gine' is :class:`MoleculeGINE`.
    """
    if isinstance(task, LinkTask):
        return partial(_link_net, task, recipe)
    if isinstance(task, GraphTask):
        return partial(_graph_net, task, recipe)
    assert isinstance(task, NodeTask)  # there are no others
    return partial(recipe.build, task.graph.x.size(1), task.out_channels)


def _link_net(task: LinkTask, recipe: ModelRecipe) -> Module:
    width, x = recipe.hidden_channels, task.graph.x
    net: Module = recipe.build(width if x is None else x.size(1), width)
    if x is None:
        net = LearnedFeatures(net, int(task.graph.num_nodes or 0), width)
    dropout = recipe.dropout or 0.0
    return LinkNet(net, MLPDecoder(width, width, recipe.num_layers, dropout))


def _graph_net(task: GraphTask, recipe: ModelRecipe) -> Module:
    if recipe.model != MOLECULES:
        return Pooled(recipe.build(task.graph.x.size(1), task.out_channels))
    return MoleculeGINE(
        task.out_channels,
        recipe.hidden_channels,
        recipe.num_layers,
        0.5 if recipe.dropout is None else recipe.dropout,
        **recipe.options,
    )
