"""Link prediction on tables: edges between named nodes in, scored pairs out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, write_atomic
from graphsparse.evaluation.links import LinkSplit
from graphsparse.experiments.link_problem import link_net
from graphsparse.experiments.links import make_search
from graphsparse.graph.pairs import both_arcs, is_among, key_pairs, number_pairs
from graphsparse.nn import ModelRecipe, score_pairs
from graphsparse.training import LinkTask, Scores, Training

_SHOWN = 5
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
            source: Column of one end.
            target: Column of the other end.
            key: Column of ``nodes`` with the keys.

        Raises:
            InputError: If pandas is missing, a column, a key or a number is, a node is
                told twice, or an edge names a node that ``nodes`` does not tell.
        """
        pandas = import_pandas()
        _check_columns('edges', edges, source, target)
        if nodes is None:
            every = pandas.concat([edges[source], edges[target]])
            index, x = pandas.Index(every.dropna().unique()), None
        else:
            index, x = _read_nodes(pandas, nodes, key)
        pairs = find_nodes(index, edges, source, target, 'edges')
        split = LinkSplit.from_graph(
            Data(edge_index=pairs, num_nodes=len(index)), self.val, self.test, self.seed
        )
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
            return link_net(task, recipe, self.decoder)

        found = search.search(factory, task, seed=self.seed)
        net, graph = found.apply(factory, task.graph)
        scores = task.report(net, _METRICS, graph)
        known = _with_held_out(split, graph)
        return FittedLinks(
            index, net, known, scores, split.describe(), (source, target)
        )


class FittedLinks(NamedTuple):
    """A net that scores pairs of named nodes.

    Attributes:
        index: Key of each node, a pandas Index.
        net: Trained.
        graph: Messages along all edges that were told, less those pruned.
        scores: By metric, on edges that were held out: 'auc', 'ap', 'mrr'.
        protocol: Which links were scored by which graph.
        columns: Names of the two ends' columns.
    """

    index: Any
    net: Module
    graph: Data
    scores: dict[str, Scores]
    protocol: str
    columns: tuple[str, str]

    def score(self, pairs: Any, out: str | Path | None = None) -> Any:
        """The pairs with a probability each, highest first.

        Args:
            pairs: DataFrame with the same two columns as the edges; others stay.
            out: File to write, .csv or .parquet.

        Returns:
            A DataFrame with the further column 'score', between 0 and 1, and 'known',
            whether the pair is an edge already.

        Raises:
            InputError: If a pair names an unknown node, or the file is of another kind
                or of one that needs a package that is missing.
        """
        import_pandas()
        writer = {'.csv': 'to_csv', '.parquet': 'to_parquet'}
        if out is not None and Path(out).suffix not in writer:
            raise InputError(f'Scores are written as .csv or .parquet (got {out}).')
        _check_columns('pairs', pairs, *self.columns)
        ends = find_nodes(self.index, pairs, *self.columns, 'pairs')
        graph, count = self.graph, len(self.index)
        self.net.eval()
        with torch.no_grad():
            found = score_pairs(self.net(graph.x, graph.edge_index), ends).sigmoid()
        told = key_pairs(graph.told, count, False)
        table = pairs.assign(
            score=found.numpy(),
            known=is_among(number_pairs(ends, count, False), told).numpy(),
        ).sort_values('score', ascending=False, kind='stable', ignore_index=True)
        if out is None:
            return table
        try:
            with write_atomic(Path(out)) as aside:
                getattr(table, writer[Path(out).suffix])(aside, index=False)
        except ImportError:
            raise InputError(
                f"{out}: Parquet needs pyarrow: pip install 'graphsparse[tables]', or "
                'write .csv.'
            ) from None
        return table


def import_pandas() -> Any:
    """The package, or one sentence that says how to have it."""
    try:
        import pandas
    except ImportError:
        raise InputError(
            "Tables need pandas: pip install 'graphsparse[tables]'."
        ) from None
    return pandas


def find_nodes(index: Any, table: Any, source: str, target: str, name: str) -> Tensor:
    """Numbers of the nodes that a table names ``[2, rows]``.

    Raises:
        InputError: With the first names that are not known, or if there is no row.
    """
    if not len(table):
        raise InputError(f'{name} is empty.')
    ends = []
    for column in (source, target):
        place = index.get_indexer(table[column])
        bad = table[column][(place < 0)]
        if len(bad):
            raise InputError(
                f'{name} names {len(bad)} unknown nodes in {column!r}: {_first(bad)}.'
            )
        ends.append(torch.as_tensor(place.copy()).long())
    return torch.stack(ends)


def _read_nodes(pandas: Any, nodes: Any, key: str) -> tuple[Any, Tensor]:
    _check_columns('nodes', nodes, key)
    twice = nodes[key][nodes[key].duplicated()]
    if len(twice):
        raise InputError(f'nodes tells {len(twice)} keys again: {_first(twice)}.')
    if nodes[key].isna().any():
        raise InputError(f'nodes has {int(nodes[key].isna().sum())} rows without key.')
    numbers = nodes.drop(columns=key)
    for column in numbers:
        if not pandas.api.types.is_numeric_dtype(numbers[column]):
            raise InputError(
                f'nodes holds {numbers[column].dtype} in {column!r}: make numbers of '
                'it, or drop the column.'
            )
        bad = numbers[column][~numbers[column].map(_is_finite)]
        if len(bad):
            raise InputError(f'nodes lacks {len(bad)} numbers in {column!r}.')
    if numbers.shape[1] == 0:
        raise InputError(
            'nodes has no column of numbers beside its keys: leave it out.'
        )
    x = torch.as_tensor(numbers.to_numpy('float32').copy())
    return pandas.Index(nodes[key]), x


def _is_finite(number: Any) -> bool:
    return number == number and abs(number) != float('inf')


def _check_columns(name: str, table: Any, *columns: str) -> None:
    for column in columns:
        if column not in getattr(table, 'columns', ()):
            told = list(getattr(table, 'columns', ())) or type(table).__name__
            raise InputError(f'{name} has no column {column!r} (got {told}).')


def _first(values: Any) -> str:
    shown = ', '.join(repr(value) for value in values.iloc[:_SHOWN])
    return shown if len(values) <= _SHOWN else f'{shown}, ...'


def _with_held_out(split: LinkSplit, graph: Data) -> Data:
    """The graph with the links that were held out, all that is known of it."""
    known = Data(x=graph.x, num_nodes=split.num_nodes)
    late = torch.cat([split.val.pos, split.test.pos], dim=1)
    known.edge_index = torch.cat([graph.edge_index, both_arcs(late)], dim=1)
    known.told = torch.cat([split.train.pos, late], dim=1)
    return known
