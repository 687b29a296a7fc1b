from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.data.checks import check_float, check_int
from graphsparse.engine import InputError
from graphsparse.evaluation.links import (
    LinkPart,
    LinkSplit,
    check_metric,
    check_split,
    score_links,
    warn_of_ties,
)
from graphsparse.graph.pairs import is_among, key_pairs, number_pairs
from graphsparse.kernels.streams import step_key
from graphsparse.nn import Links, score_pairs
from graphsparse.pruning import remove_edges
from graphsparse.training.task import Scores, Task

_AT_ONCE = 1 << 20  # pairs scored together when no gradient is kept


@dataclass(frozen=True, eq=False)
class LinkTask(Task):
    """Tell links from pairs that are none.

    A model puts out embeddings ``[nodes, channels]``, which the inner product decodes,
    or is a :class:`graphsparse.nn.LinkNet` with a decoder of its own. Messages go along
    training links alone. The loss is -log sigmoid(s) over training links and
    -log sigmoid(-s) over as many pairs that are no training links, drawn anew each
    step, by epoch and seed alone. A pair is refused for being a training link and for
    nothing else: what the draw avoids would tell what the test holds.

    Of a :class:`~graphsparse.evaluation.links.LinkSplit` (:meth:`from_split`)
    validation links are scored by the messages of the validation and test links by
    those of the test. On a sparser ``graph`` what it lacks of the training's messages
    is lacking there too. And a step's links are no messages of the same step, in
    neither direction, so that a net cannot read off what it is asked: it scores the
    links of a batch, or, without ``batch_size``, the share ``held`` of all links, drawn
    by epoch and seed; the other links are its messages.

    Attributes:
        train: Training links ``[2, P]``.
        directed: Whether (u, v) and (v, u) are two links; then only targets are drawn.
        held: Share of the training links that a step without ``batch_size`` is about;
            0 has every step be about all links or a batch, which stay messages.
        epoch: Of the pairs drawn.
        seed: Of the pairs drawn.
        batch_size: Training links a step, in another order each epoch; None for one
            step. Every step runs the model on the whole graph.
        step: Of the pairs drawn.
    """

    graph: Data
    out_channels: int
    train: Tensor
    _val: LinkPart
    _test: LinkPart
    _keys: Tensor
    metric: str = 'hits@20'
    epoch: int = 0
    seed: int = 0
    batch_size: int | None = None
    step: int = 0
    directed: bool = False
    held: float = 0.0

    @staticmethod
    def from_links(
        data: Data,
        metric: str | None = None,
        out_channels: int = 256,
        batch_size: int | None = None,
    ) -> LinkTask:
        """The task of links that a benchmark has fixed, as OGB's examples train on it.

        A step's links are messages of it, and validation and test links are scored by
        the messages of the training.

        Args:
            data: As :meth:`LinkSplit.from_data` takes it.
            metric: As for :meth:`from_split`; what ``data.metric`` says by default,
                or 'hits@20'.
            out_channels: Width of the embeddings.
            batch_size: Training links a step; None for all in one.

        Raises:
            InputError: If something is missing or names nodes there are not, or a
                validation or test link is among the training links or messages.
        """
        told = copy.copy(data)
        told.metric = check_metric(metric or data.get('metric') or 'hits@20')
        return LinkTask.from_split(
            LinkSplit.from_data(told),
            data.get('x'),
            told.metric,
            out_channels,
            batch_size,
            held=0.0,
            check_negatives=False,
        )

    @staticmethod
    def from_split(
        split: LinkSplit,
        x: Tensor | None = None,
        metric: str = 'auc',
        out_channels: int = 128,
        batch_size: int | None = None,
        held: float = 0.1,
        check_negatives: bool = True,
    ) -> LinkTask:
        """The task of a split, each part scored by its own messages.

        Args:
            split: Is checked, see :func:`~graphsparse.evaluation.links.check_split`.
            x: Features ``[nodes, features]``; None where a net has its own.
            metric: 'auc', 'ap', 'mrr', 'hits@K' or 'recall@c'.
            out_channels: Width of the embeddings.
            batch_size: Training links a step; None for one step an epoch.
            held: Share of the training links that a step is about, where there are no
                batches. What a step is about is none of its messages, unless this is 0.
            check_negatives: False where a benchmark has fixed them.

        Raises:
            InputError: If the split leaks or does not fit ``x``.
        """
        check_split(split, check_negatives)
        nodes = split.num_nodes
        if x is not None and x.size(0) != nodes:
            raise InputError(f'x has {x.size(0)} rows, and the split {nodes} nodes.')
        held = check_float('held', held, 0, 0.99)
        if batch_size is not None:
            batch_size = check_int('batch_size', batch_size, 1)
        graph = Data(x=x, edge_index=split.train.messages, num_nodes=nodes)
        if split.train.weight is not None:
            graph.edge_weight = split.train.weight
        known = torch.cat([split.train.pos, split.train.messages], dim=1)
        return LinkTask(
            graph=graph,
            out_channels=check_int('out_channels', out_channels, 1),
            train=split.train.pos,
            _val=split.val,
            _test=split.test,
            _keys=key_pairs(known, nodes, split.directed),
            metric=check_metric(metric),
            batch_size=batch_size,
            directed=split.directed,
            held=held,
        )

    def steps(
        self, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[tuple[Self, Data | None]]:
        """One step, or one a batch of links, on pairs drawn for it."""
        if self.batch_size is None and not self.held:
            yield replace(self, epoch=epoch, seed=seed), graph
            return
        generator = torch.Generator().manual_seed(step_key(seed, epoch))
        order = torch.randperm(self.train.size(1), generator=generator)
        order = order.to(self.device)
        if self.batch_size is None:
            batches = [order[: max(1, int(self.held * order.numel()))]]
        else:
            batches = list(order.split(self.batch_size))
        for step, links in enumerate(batches):
            part = self.train[:, links]
            seen = self._without(part, graph) if self.held else graph
            yield replace(self, train=part, epoch=epoch, seed=seed, step=step), seen

    def _without(self, links: Tensor, graph: Data | None) -> Data:
        """The messages, less both arcs of these links."""
        graph = self.graph if graph is None else graph
        nodes = int(self.graph.num_nodes or 0)
        asked = is_among(
            number_pairs(graph.edge_index, nodes, False), key_pairs(links, nodes, False)
        )
        return remove_edges(graph, ~asked)

    def train_loss(self, out: Tensor | Links) -> Tensor:
        """Mean of -log sigmoid over links plus mean over pairs drawn."""
        positive = score_pairs(out, self.train)
        negative = score_pairs(out, self.draw_pairs())
        return -F.logsigmoid(positive).mean() - F.logsigmoid(-negative).mean()

    def draw_pairs(self) -> Tensor:
        """As many pairs as there are training links, none of them one ``[2, P]``."""
        ranked, nodes = self.directed, int(self.graph.num_nodes or 0)
        key = step_key(step_key(self.seed, self.epoch), self.step)
        generator = torch.Generator().manual_seed(key)
        found = self.train.cpu().clone()
        todo, keys = torch.arange(found.size(1)), self._keys.cpu()
        for _ in range(100):
            shape = 1 if ranked else 2, todo.numel()
            found[-shape[0] :, todo] = torch.randint(nodes, shape, generator=generator)
            todo = todo[_is_known(found[:, todo], keys, nodes, ranked)]
            if not todo.numel():
                return found.to(self.device)
        raise InputError(
            f'No pair without a training link was found for {todo.numel()} of '
            f'{found.size(1)} links in 100 draws: the graph is all but complete.'
        )

    def val_score(self, out: Tensor | Links) -> float:
        """Metric on validation links."""
        return score_links(self.metric, *_scores(out, self._val))

    def test_score(self, out: Tensor | Links) -> float:
        """Metric on test links."""
        return score_links(self.metric, *_scores(out, self._test))

    def validate(self, model: Module, graph: Data | None = None) -> float:
        """Validation metric by the messages of the validation."""
        return self.val_score(self.infer(model, self._seen_by(self._val, graph)))

    def evaluate(self, model: Module, graph: Data | None = None) -> Scores:
        """Validation and test metric, each by messages of its own."""
        val = self.validate(model, graph)
        return Scores(val, self.test_score(self._infer_test(model, graph)))

    def report(
        self, model: Module, metrics: Sequence[str], graph: Data | None = None
    ) -> dict[str, Scores]:
        """Several metrics of a finished model, the test read once for all of them.

        A warning tells where many test links tie with negatives.
        """
        val = self.infer(model, self._seen_by(self._val, graph))
        parts = (
            _scores(val, self._val),
            _scores(self._infer_test(model, graph), self._test),
        )
        if not any(scores.isnan().any() for scores in parts[1]):
            warn_of_ties(*parts[1])
        return {
            metric: Scores(*(score_links(metric, *part) for part in parts))
            for metric in metrics
        }

    def _infer_test(self, model: Module, graph: Data | None) -> Tensor:
        return self.infer(model, self._seen_by(self._test, graph))

    def _seen_by(self, part: LinkPart, graph: Data | None) -> Data | None:
        """The messages of a part, less what a sparser graph lacks of the training's."""
        own = self.graph
        if part.messages is own.edge_index or (
            torch.equal(part.messages, own.edge_index)
            and _same(part.weight, own.get('edge_weight'))
        ):
            return graph
        seen = copy.copy(own)
        seen.edge_index = part.messages
        if part.weight is not None:
            seen.edge_weight = part.weight
        elif own.get('edge_weight') is not None:
            del seen.edge_weight
        if graph is None or graph.edge_index is own.edge_index:
            return seen
        nodes = int(own.num_nodes or 0)
        before, now = (
            number_pairs(which.edge_index, nodes, True) for which in (own, graph)
        )
        gone = before[~is_among(before, now.unique())].unique()
        lacking = is_among(number_pairs(part.messages, nodes, True), gone)
        return remove_edges(seen, ~lacking)

    def to(self, device: torch.device | str) -> Self:
        """The same task on another device."""
        return replace(
            self,
            graph=copy.copy(self.graph).to(device),
            train=self.train.to(device),
            _val=self._val.to(device),
            _test=self._test.to(device),
        )


@torch.no_grad()
def _scores(out: Tensor | Links, part: LinkPart) -> tuple[Tensor, Tensor]:
    """Scores of links ``[P]``, and of others ``[N]`` or each link's own ``[P, K]``."""

    def score(pairs: Tensor) -> Tensor:
        pieces = pairs.split(_AT_ONCE, dim=1)
        return torch.cat([score_pairs(out, piece) for piece in pieces])

    negative = score(part.negatives())
    if part.own:
        negative = negative.view(part.pos.size(1), -1)
    return score(part.pos), negative


def _same(one: Tensor | None, other: Tensor | None) -> bool:
    if one is None or other is None:
        return one is other
    return torch.equal(one, other)


def _is_known(pairs: Tensor, keys: Tensor, num_nodes: int, ordered: bool) -> Tensor:
    """Which pairs are loops or among sorted keys ``[P]``."""
    known = is_among(number_pairs(pairs, num_nodes, ordered), keys)
    return known | (pairs[0] == pairs[1])
