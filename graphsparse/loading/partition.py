from __future__ import annotations

import warnings
from importlib import metadata
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from graphsparse.engine import cache_folder, load_tensors, save_tensors
from graphsparse.graph import Adjacency, metis_parts, to_adjacency


def partition_nodes(
    graph: Any, num_parts: int, seed: int = 0, cache: str | Path | None = None
) -> Tensor:
    """METIS parts of a graph, none empty, computed once and kept on disk.

    A directed graph is partitioned as if its arcs went both ways. Parts that METIS
    leaves empty are dropped, with a warning that counts them; so the last part is
    ``part.max()``, which may be less than ``num_parts - 1``.

    Args:
        graph: Whatever :func:`~graphsparse.graph.to_adjacency` takes.
        num_parts: How many, at most the number of nodes.
        seed: Of METIS.
        cache: Folder of the files; ``partitions`` in ``$GRAPHSPARSE_CACHE`` or
            ``~/.cache/graphsparse`` if None. A file is known by the graph's digest,
            ``num_parts``, ``seed`` and the version of pymetis.

    Returns:
        The part of each node, int64 ``[num_nodes]``.

    Raises:
        InputError: If the graph is malformed or ``num_parts`` out of range.
        ImportError: If pymetis is not installed and the parts are not on disk.
    """
    adj = _symmetric(to_adjacency(graph))
    folder = cache_folder() / 'partitions' if cache is None else Path(cache)
    facts = {
        'kind': 'partition',
        'graph': adj.digest(),
        'num_parts': num_parts,
        'seed': seed,
        'pymetis': _version(),
    }
    name = '-'.join(str(fact) for fact in facts.values())
    path = folder / f'{name}.safetensors'
    if path.exists():
        tensors, found = load_tensors(path)
        if found == facts and tensors['part'].numel() == adj.num_nodes:
            return _drop_empty(tensors['part'], num_parts)
    part = metis_parts(adj, num_parts, seed)
    save_tensors(path, {'part': part}, facts)
    return _drop_empty(part, num_parts)


def _symmetric(adj: Adjacency) -> Adjacency:
    if adj.undirected:
        return adj
    arcs = torch.stack([adj.col.long(), adj.row()])
    both = torch.cat([arcs, arcs.flip(0)], dim=1)
    return Adjacency.from_edge_index(both, adj.num_nodes, undirected=True)


def _version() -> str:
    try:
        return metadata.version('pymetis')
    except metadata.PackageNotFoundError:
        return 'none'


def _drop_empty(part: Tensor, num_parts: int) -> Tensor:
    used, part = part.unique(return_inverse=True)
    if used.numel() < num_parts:
        warnings.warn(
            f'METIS left {num_parts - used.numel()} of {num_parts} parts empty; they '
            'are dropped.',
            stacklevel=3,
        )
    return part
