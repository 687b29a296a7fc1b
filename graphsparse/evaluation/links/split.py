"""A split of links as three graphs to pass messages on, each with what is asked."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.evaluation.links.given import check_given, read_messages, with_links
from graphsparse.evaluation.links.negatives import draw_uniform
from graphsparse.graph import to_adjacency
from graphsparse.graph.pairs import both_arcs, is_among, key_pairs


@dataclass(frozen=True, eq=False)
class LinkPart:
    """A graph to pass messages on, and the pairs that are scored by it.

    Attributes:
        messages: Arcs ``[2, arcs]``.
        pos: Pairs that are links ``[2, P]``.
        neg: Pairs that are none ``[2, N]``, the same for all links, or ``[2, P, K]``, a
            link's own; or None.
        targets: Negatives of each link's own: (source of link i, ``targets[i, k]``) is
            no link ``[P, K]``; or None.
        weight: Of the arcs ``[arcs]``; or None.
    """

    messages: Tensor
    pos: Tensor
    neg: Tensor | None = None
    targets: Tensor | None = None
    weight: Tensor | None = None

    def negatives(self) -> Tensor:
        """All pairs that are no links ``[2, N]``, those of one link together."""
        if self.targets is None:
            return self.pos[:, :0] if self.neg is None else self.neg.flatten(1)
        source = self.pos[0].repeat_interleave(self.targets.size(1))
        return torch.stack([source, self.targets.reshape(-1)])

    @property
    def own(self) -> bool:
        """Whether each link has negatives of its own."""
        return self.targets is not None or (
            self.neg is not None and self.neg.dim() == 3
        )

    def to(self, device: torch.device | str) -> LinkPart:
        """The same part on another device."""
        moved = {
            name: value.to(device)
            for name, value in vars(self).items()
            if value is not None
        }
        return replace(self, **moved)


@dataclass(frozen=True, eq=False)
class LinkSplit:
    """Links to learn from, to choose by and to test on, with a graph of messages each.

    ``val.messages`` are what validation links are scored by, and so on, so that which
    graph a score was computed on is never a matter of habit. Not checked when made:
    see :func:`check_split`.

    Attributes:
        train: Its negatives are drawn in training.
        val: With negatives.
        test: With negatives.
        num_nodes: Of all graphs.
        directed: Whether (u, v) and (v, u) are two links.
        repeats: Whether a link may stand in several parts, or twice in one, as links
            of different years do in ogbl-collab.
    """

    train: LinkPart
    val: LinkPart
    test: LinkPart
    num_nodes: int
    directed: bool = False
    repeats: bool = False

    @staticmethod
    def from_graph(
        graph: Any,
        val: float = 0.05,
        test: float = 0.1,
        seed: int = 0,
        directed: bool = False,
        use_valedges: bool = False,
        negatives: float = 1.0,
        avoid: Tensor | None = None,
    ) -> LinkSplit:
        """Draw validation and test links of a graph; the rest is learned from.

        Every undirected link counts once and loops are left out. Messages go both ways
        along training links; negatives are uniform over all pairs that are no link of
        the graph, none of them drawn twice.

        Args:
            graph: Whatever :func:`graphsparse.to_adjacency` takes; weights are not
                read.
            val: Share of the links, rounded down.
            test: Likewise.
            seed: Of links and negatives.
            directed: Whether (u, v) and (v, u) are two links.
            use_valedges: Whether the messages of the test go along validation links
                too, as ogbl-collab allows.
            negatives: So many for every validation or test link, rounded down.
            avoid: Further pairs that are no negatives ``[2, P]``: what another graph
                links may be what this one lacks.

        Raises:
            InputError: If a part would be empty, or there are not so many pairs that
                are no links.
        """
        adj = to_adjacency(graph)
        num_nodes = adj.num_nodes
        arcs = torch.stack([adj.col.long(), adj.row().long()]).cpu()
        keys = key_pairs(arcs[:, arcs[0] != arcs[1]], num_nodes, directed)
        sizes = [int(share * len(keys) + 1e-9) for share in (val, test)]
        if min(sizes) < 1 or sum(sizes) >= len(keys):
            raise InputError(
                f'Of {len(keys)} links, {val:g} to validate and {test:g} to test on '
                f'make {sizes[0]} and {sizes[1]}: each part needs one at least.'
            )
        generator = torch.Generator().manual_seed(seed)
        order = torch.randperm(len(keys), generator=generator)
        number = keys[order]
        pairs = torch.stack([number // num_nodes, number % num_nodes])
        val_pos, test_pos, train_pos = pairs.split(
            [*sizes, len(keys) - sum(sizes)], dim=1
        )
        counts = [int(negatives * size + 1e-9) for size in sizes]
        if avoid is not None:
            arcs = torch.cat([arcs, avoid.cpu()], dim=1)
            keys = key_pairs(arcs[:, arcs[0] != arcs[1]], num_nodes, directed)
        val_neg, test_neg = draw_uniform(
            sum(counts), num_nodes, keys, directed, generator
        ).split(counts, dim=1)
        messages = both_arcs(train_pos)
        late = torch.cat([messages, both_arcs(val_pos)], 1) if use_valedges else None
        return LinkSplit(
            LinkPart(messages, train_pos),
            LinkPart(messages, val_pos, val_neg),
            LinkPart(messages if late is None else late, test_pos, test_neg),
            num_nodes,
            directed,
        ).to(adj.device)

    @staticmethod
    def from_data(
        data: Data, use_valedges: bool = False, since: int | None = None
    ) -> LinkSplit:
        """The split that a benchmark has fixed, as :func:`graphsparse.load` reads it.

        With 'mrr' (ogbl-citation2) a link goes from a source to a target and has
        targets of its own that are none; otherwise it has no direction. Messages go
        both ways, without weights where links have a direction. Links that repeat over
        the years (ogbl-collab) add up in weight.

        Args:
            data: With ``edge_index`` to pass messages on, perhaps ``edge_weight``,
                links ``train_pos``, ``val_pos``, ``test_pos [2, links]``, and
                ``val_neg``, ``test_neg``: pairs ``[2, negatives]``, or with 'mrr'
                targets ``[links, negatives]``. ``repeats`` says that links may stand
                in several parts.
            use_valedges: Whether the messages of the test go along validation links
                too, with weight 1, as the rules of ogbl-collab allow.
            since: Training links and messages before this year are left out; needs
                ``edge_year`` and ``train_year``.

        Raises:
            InputError: If something is missing or in another shape, or nothing is so
                late.
        """
        graph, train_pos = read_messages(check_given(data), since)
        directed = data.get('metric') == 'mrr'
        late = with_links(*graph, data.val_pos) if use_valedges else graph
        negatives = [
            {'targets' if directed else 'neg': data[f'{name}_neg']}
            for name in ('val', 'test')
        ]
        return LinkSplit(
            LinkPart(graph[0], train_pos, weight=graph[1]),
            LinkPart(graph[0], data.val_pos, weight=graph[1], **negatives[0]),
            LinkPart(late[0], data.test_pos, weight=late[1], **negatives[1]),
            int(data.num_nodes or 0),
            directed,
            bool(data.get('repeats', False)),
        )

    def with_train(self, links: Tensor) -> LinkSplit:
        """The split with more links to learn from, which are messages of all parts.

        Those of a denser graph, for instance. A link that is validated or tested on is
        left out in either direction; so are loops, and links that are there.

        Args:
            links: Pairs ``[2, P]``.

        Raises:
            InputError: If links have a direction.
        """
        if self.directed:
            raise InputError('Links of a directed split cannot be added to.')
        parts = self.parts().values()
        known = torch.cat([pairs for p in parts for pairs in (p.pos, p.messages)], 1)
        number = key_pairs(links[:, links[0] != links[1]], self.num_nodes, False)
        number = number[~is_among(number, key_pairs(known, self.num_nodes, False))]
        more = torch.stack([number // self.num_nodes, number % self.num_nodes])

        def extend(part: LinkPart) -> LinkPart:
            messages, weight = with_links(part.messages, part.weight, more)
            return replace(part, messages=messages, weight=weight)

        train, val, test = map(extend, parts)
        train = replace(train, pos=torch.cat([train.pos, more], dim=1))
        return replace(self, train=train, val=val, test=test)

    def to(self, device: torch.device | str) -> LinkSplit:
        """The same split on another device."""
        parts = {name: part.to(device) for name, part in self.parts().items()}
        return replace(self, **parts)  # type: ignore[arg-type]

    def parts(self) -> dict[str, LinkPart]:
        """The three parts by name."""
        return {'train': self.train, 'val': self.val, 'test': self.test}

    def describe(self) -> str:
        """What is scored by which graph, a line a part."""
        return '\n'.join(
            f'{name}: {part.pos.size(1):,} links and '
            f'{part.negatives().size(1):,} negatives by '
            f'{part.messages.size(1):,} arcs'
            for name, part in self.parts().items()
        )
