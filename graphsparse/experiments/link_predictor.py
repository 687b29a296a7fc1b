"""Link prediction on tables: edges between named nodes in, scored pairs out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import torch
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.evaluation.links import LinkSplit
from graphsparse.experiments.fitted_links import FittedLinks
from graphsparse.experiments.link_problem import link_net
from graphsparse.experiments.links import make_search
from graphsparse.experiments.tables import (
    check_columns,
    find_nodes,
    find_shared,
    import_pandas,
    read_nodes,
)
from graphsparse.graph.pairs import both_arcs
from graphsparse.nn import ModelRecipe
from graphsparse.training import LinkTask, Training

_METRICS = ('auc', 'ap', 'mrr')


@dataclass(frozen=True)
class LinkPredictor:
    """Learn from a table of edges which other pairs of nodes are links.

    Tables are pandas DataFrames whose nodes go by any keys, names for instance. A share
    of the edges is held out: a tenth is tested on once, half as many choose the epoch.

    Example:
        >>> found = LinkPredictor().fit(edges)  # columns 'source' and 'target'
        >>> found.scores['auc'].test
        >>> found.score(candidates).to_csv('scored.csv')

    Args:
        model: What embeds nodes, see ``graphsparse link --help``.
        decoder: What scores pairs: 'dot', 'mlp' or 'ncn'.
        hidden_channels: Width.
        num_layers: Number of convs.
        dropout: Share of activations dropped.
        training: Epochs, optimiser, early stopping.
        ticket: Name of a ticket search that finds a sparse graph or net; None for the
            whole ones.
        graph_sparsity: Fraction of edges that it removes.
        weight_sparsity: Fraction of weights that it removes.
        val: Share of edges that choose the epoch.
        test: Share of edges that are tested on.
        seed: Of everything random.
    """

    model: str = 'sage'
    decoder: str = 'mlp'
    hidden_channels: int = 128
    num_layers: int = 2
    dropout: float = 0.5
    training: Training = field(
        default_factory=lambda: Training(300, 0.01, 0.0, ties='first')
    )
    ticket: str | None = None
    graph_sparsity: float = 0.2
    weight_sparsity: float = 0.0
    val: float = 0.05
    test: float = 0.1
    seed: int = 0

    def fit(
        self,
        edges: Any,
        nodes: Any = None,
        denser: Any = None,
        source: str = 'source',
        target: str = 'target',
        key: str = 'node',
    ) -> FittedLinks:
        """Train a net on most of the edges, and measure it on the others.

        Args:
            edges: DataFrame, a row for every edge; direction and repeats do not count.
            nodes: DataFrame with a row for every node, its key and numbers that
                describe it. Without it nodes are those of the edges, and each has
                features that are learned.
            denser: DataFrame of the edges of a denser graph, in the same columns, where
                it goes by the same keys: those of another market, say. What it links
                between known nodes is learned from, and messages go along it, as in
                GITL's source-enriched graph. What is held out is an edge of ``edges``
                alone, so that fitting once with it and once without tells what it
                gives.
            source: Column of one end.
            target: Column of the other end.
            key: Column of ``nodes`` with the keys.

        Raises:
            InputError: If pandas is missing, a column, a key or a number is, a node is
                told twice, an edge names a node that ``nodes`` does not tell, or the
                denser graph links no two known nodes.
        """
        pandas, ends = import_pandas(), (source, target)
        check_columns('edges', edges, *ends)
        if nodes is None:
            every = pandas.concat([edges[source], edges[target]])
            index, x = pandas.Index(every.dropna().unique()), None
        else:
            index, x = read_nodes(nodes, key)
        pairs = find_nodes(index, edges, ends, 'edges')
        more = None if denser is None else find_shared(index, denser, ends, 'denser')
        own = LinkSplit.from_graph(
            Data(edge_index=pairs, num_nodes=len(index)),
            self.val,
            self.test,
            self.seed,
            avoid=more,
        )
        split = own if more is None else own.with_train(more)
        task = LinkTask.from_split(split, x, 'auc', self.hidden_channels, held=0.3)
        recipe = ModelRecipe(
            self.model, self.hidden_channels, self.num_layers, self.dropout
        )
        search = make_search(
            self.ticket or 'dense',
            self.training,
            graph_sparsity=self.graph_sparsity,
            weight_sparsity=self.weight_sparsity,
        )

        def factory() -> Module:
            return link_net(task.graph, recipe, self.decoder)

        found = search.search(factory, task, seed=self.seed)
        net, graph = found.apply(factory, task.graph)
        scores = task.report(net, _METRICS, graph)
        known, told = _with_held_out(own, graph), split.describe()
        return FittedLinks(index, net, known, scores, told, ends, recipe, self.decoder)


def _with_held_out(split: LinkSplit, graph: Data) -> Data:
    """The graph with the links that were held out, all that is known of it."""
    known = Data(x=graph.x, num_nodes=split.num_nodes)
    late = torch.cat([split.val.pos, split.test.pos], dim=1)
    known.edge_index = torch.cat([graph.edge_index, both_arcs(late)], dim=1)
    known.told = torch.cat([split.train.pos, late], dim=1)
    return known
