"""A graph whose links are to be predicted, and a net to do it with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data import load
from graphsparse.data.cards import read_card
from graphsparse.engine import InputError
from graphsparse.engine.find import unknown
from graphsparse.evaluation.links import HeartNegatives, LinkSplit
from graphsparse.experiments.problem import Source
from graphsparse.nn import (
    FeatureMLP,
    LearnedFeatures,
    LinkNet,
    MatrixFactorization,
    MLPDecoder,
    ModelRecipe,
    NCNDecoder,
)
from graphsparse.training import LinkTask

DECODERS = ('dot', 'mlp', 'ncn')
NEGATIVES = ('uniform', 'heart')
HARD = 100  # hard negatives of each link


@dataclass(frozen=True)
class LinkProblem(Source):
    """A data set, a split of its links and a net for them.

    A data set of links comes with its split; of any other graph the links are drawn,
    another draw for every seed.

    Args:
        dataset: Name of a data set.
        root: Folder of raw data files; ``$GRAPHSPARSE_DATA`` by default.
        device: ``'cpu'``, ``'cuda'``, ...; ``'auto'`` takes the GPU if there is one.
        model: What embeds nodes: a net for graphs, 'mf' or 'mlp'.
        decoder: What scores pairs: 'dot', 'mlp' or 'ncn'.
        metric: What the epoch is chosen by; the data set's own by default, or 'auc'.
        negatives: 'uniform' over all pairs that are no links, or 'heart', for each
            link a hundred that heuristics would take for links; where links are drawn.
        val: Share of links to validate on, where they are drawn.
        test: Share to test on.
        use_valedges: Whether messages of the test go along validation links too.
        since: Training links of this year or later alone, as for ogbl-collab.
        held: Share of the training links that a step scores and takes out of its
            messages, where there are no batches; 0 takes none out.
        batch_size: Training links a step; None for one step an epoch.
    """

    model: ModelRecipe = field(default_factory=ModelRecipe)
    decoder: str = 'mlp'
    metric: str | None = None
    negatives: str = 'uniform'
    val: float = 0.05
    test: float = 0.1
    use_valedges: bool = False
    since: int | None = None
    held: float = 0.3
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise unknown('decoder', self.decoder, list(DECODERS))
        if self.negatives not in NEGATIVES:
            raise unknown('kind of negatives', self.negatives, list(NEGATIVES))

    def split(self, seed: int) -> int:
        """The seed that links are drawn by."""
        return seed

    def link_split(self, seed: int) -> tuple[LinkSplit, Tensor | None]:
        """Links, and the features of nodes."""
        fixed = read_card(self.dataset).task == 'link'
        data = load(self.dataset, self.root)
        if fixed:
            split = LinkSplit.from_data(data, self.use_valedges, self.since)
            return split, data.get('x')
        if self.since is not None:
            raise InputError(f'{self.dataset!r} tells no years: leave since out.')
        split = LinkSplit.from_graph(
            data, self.val, self.test, seed, use_valedges=self.use_valedges
        )
        x = data.get('x')
        if self.negatives == 'heart':
            split = HeartNegatives.of(split, x, HARD, seed).apply(split)
        return split, x

    def task(self, split: int) -> LinkTask:
        """The task under one seed, on the device."""
        card = read_card(self.dataset)
        fixed = card.task == 'link'
        links, x = self.link_split(split)
        task = LinkTask.from_split(
            links,
            x,
            self.metric or (card.metric if fixed else 'auc'),
            self.model.hidden_channels,
            self.batch_size,
            self.held,
            check_negatives=not fixed,
        )
        return task.to(self.torch_device())

    def factory(self, task: LinkTask) -> Callable[[], Module]:
        """Makes the net for a task."""
        return partial(link_net, task.graph, self.model, self.decoder)

    def check(self, seed: int) -> None:
        """Raise what is wrong with data set, net or device before anything runs."""
        self.factory(self.task(seed))()

    def facts(self) -> dict[str, Any]:
        """All that decides the outcome, JSON-able."""
        return {
            'dataset': self.dataset,
            'model': self.model.facts(),
            'decoder': self.decoder,
            'metric': self.metric,
            'negatives': self.negatives,
            'val': self.val,
            'test': self.test,
            'use_valedges': self.use_valedges,
            'since': self.since,
            'held': self.held,
            'batch_size': self.batch_size,
        }


def link_net(graph: Data, recipe: ModelRecipe, decoder: str) -> Module:
    """A net that scores links of a graph: embeddings as wide as it is, and a decoder.

    Where nodes have no features they are learned. The decoder has two layers.

    Raises:
        InputError: If the net is not known, or reads features that are not there.
    """
    width, x = recipe.hidden_channels, graph.x
    nodes, dropout = int(graph.num_nodes or 0), recipe.dropout or 0.0
    net: Module
    if recipe.model == 'mf':
        net = MatrixFactorization(nodes, width)
    elif recipe.model == 'mlp':
        if x is None:
            raise InputError("'mlp' reads features of nodes, and these have none.")
        net = FeatureMLP(x.size(1), width, width, recipe.num_layers, dropout)
    else:
        net = recipe.build(width if x is None else x.size(1), width)
        if x is None:
            net = LearnedFeatures(net, nodes, width)
    if decoder == 'dot':
        return net
    kind = MLPDecoder if decoder == 'mlp' else NCNDecoder
    return LinkNet(net, kind(width, width, 2, dropout))
