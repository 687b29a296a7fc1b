"""What a link predictor learned from tables: scores pairs, in a file of its own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.data import Data

from graphsparse.engine import InputError, load_tensors, save_tensors, write_atomic
from graphsparse.experiments.link_problem import link_net
from graphsparse.experiments.tables import find_nodes, import_pandas
from graphsparse.graph.pairs import is_among, key_pairs, number_pairs
from graphsparse.nn import ModelRecipe, score_pairs
from graphsparse.training import Scores

KIND = 'fitted-links'
_NET = 'net.'  # before the names of weights
_WRITERS = {'.csv': 'to_csv', '.parquet': 'to_parquet'}


@dataclass(frozen=True, eq=False)
class FittedLinks:
    """A net that scores pairs of named nodes.

    Attributes:
        index: Key of each node, a pandas Index.
        net: Trained.
        graph: Messages along all edges that were told, less those pruned.
        scores: By metric, on edges that were held out: 'auc', 'ap', 'mrr'.
        protocol: Which links were scored by which graph.
        columns: Names of the two ends' columns.
        recipe: Which net embeds nodes.
        decoder: Which scores pairs.
    """

    index: Any
    net: Module
    graph: Data
    scores: dict[str, Scores]
    protocol: str
    columns: tuple[str, str]
    recipe: ModelRecipe
    decoder: str

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
        if out is not None and Path(out).suffix not in _WRITERS:
            raise InputError(f'Scores are written as .csv or .parquet (got {out}).')
        ends = find_nodes(self.index, pairs, self.columns, 'pairs')
        graph, count = self.graph, len(self.index)
        self.net.eval()
        with torch.no_grad():
            found = score_pairs(self.net(graph.x, graph.edge_index), ends).sigmoid()
        told = key_pairs(graph.told, count, False)
        table = pairs.assign(
            score=found.numpy(),
            known=is_among(number_pairs(ends, count, False), told).numpy(),
        ).sort_values('score', ascending=False, kind='stable', ignore_index=True)
        if out is not None:
            _write(table, Path(out))
        return table

    def save(self, path: str | Path) -> None:
        """Write one safetensors file: keys, graph, features and net.

        Raises:
            InputError: If keys are neither all texts nor all whole numbers, or the file
                cannot be written.
        """
        tensors = {_NET + name: value for name, value in self.net.state_dict().items()}
        tensors |= {'edge_index': self.graph.edge_index, 'told': self.graph.told}
        if self.graph.x is not None:
            tensors['x'] = self.graph.x
        facts = {
            'kind': KIND,
            'scores': {name: list(of) for name, of in self.scores.items()},
            'protocol': self.protocol,
            'columns': list(self.columns),
            'recipe': self.recipe.facts(),
            'decoder': self.decoder,
        }
        save_tensors(path, tensors | _pack_keys(self.index.tolist()), facts)

    @staticmethod
    def load(path: str | Path) -> FittedLinks:
        """Read what :meth:`save` wrote.

        Raises:
            InputError: If pandas is missing, or the file is missing, truncated or
                something else.
        """
        pandas = import_pandas()
        tensors, facts = load_tensors(path)
        if facts.get('kind') != KIND:
            raise InputError(f"'{path}' holds a {facts.get('kind')}, not {KIND}.")
        keys = _unpack_keys(tensors)
        graph = Data(edge_index=tensors['edge_index'], num_nodes=len(keys))
        graph.x, graph.told = tensors.get('x'), tensors['told']
        recipe = ModelRecipe(**facts['recipe'])
        net = link_net(graph, recipe, facts['decoder'])
        weights = {
            name.removeprefix(_NET): value
            for name, value in tensors.items()
            if name.startswith(_NET)
        }
        net.load_state_dict(weights)
        source, target = facts['columns']
        return FittedLinks(
            pandas.Index(keys),
            net,
            graph,
            {name: Scores(*of) for name, of in facts['scores'].items()},
            facts['protocol'],
            (source, target),
            recipe,
            facts['decoder'],
        )


def _write(table: Any, path: Path) -> None:
    try:
        with write_atomic(path) as aside:
            getattr(table, _WRITERS[path.suffix])(aside, index=False)
    except ImportError:
        raise InputError(
            f"{path}: Parquet needs pyarrow: pip install 'graphsparse[tables]', or "
            'write .csv.'
        ) from None


def _pack_keys(keys: list[Any]) -> dict[str, Tensor]:
    """Whole numbers as they are; texts as bytes, and where each ends."""
    if all(type(key) is int for key in keys):
        return {'keys': torch.tensor(keys)}
    bad = [key for key in keys if not isinstance(key, str)]
    if bad:
        raise InputError(
            'Keys of nodes are saved where all are texts or all are whole numbers (got '
            f'{bad[0]!r}).'
        )
    texts = [key.encode() for key in keys]
    ends = torch.tensor([len(text) for text in texts]).cumsum(0)
    whole = bytearray(b''.join(texts))
    return {'keys': torch.frombuffer(whole, dtype=torch.uint8), 'ends': ends}


def _unpack_keys(tensors: dict[str, Tensor]) -> list[Any]:
    keys, ends = tensors['keys'], tensors.get('ends')
    if ends is None:
        return keys.tolist()
    whole, begin = keys.numpy().tobytes(), 0
    texts = []
    for end in ends.tolist():
        texts.append(whole[begin:end].decode())
        begin = end
    return texts
