from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.matrix import pattern_matrix


def metis_parts(adj: Adjacency, num_parts: int, seed: int = 0) -> Tensor:
    """Parts of about one size with few edges between them, by METIS.

    Karypis & Kumar, "A Fast and High Quality Multilevel Scheme for Partitioning
    Irregular Graphs", SIAM J. Sci. Comput. 1998. Some parts may be empty. A graph
    without edges is cut into ranges.

    Args:
        adj: Undirected.
        num_parts: How many, at most the number of nodes.
        seed: Of METIS: the same seed, the same parts.

    Returns:
        The part of each node, int64 ``[num_nodes]``.

    Raises:
        InputError: If the graph is directed or ``num_parts`` out of range.
        ImportError: If pymetis is not installed.
    """
    # METIS answers a one-way arc with nonsense, and more parts with empty ones.
    if not adj.undirected:
        raise InputError(
            f'A partition needs an undirected graph, but this is {adj}. Make it '
            'one with torch_geometric.utils.to_undirected.'
        )
    if isinstance(num_parts, bool) or not isinstance(num_parts, int) or num_parts < 1:
        raise InputError(f'num_parts has to be 1 or more (got {num_parts!r}).')
    if num_parts > max(adj.num_nodes, 1):
        raise InputError(f'{num_parts} parts of {adj.num_nodes} nodes.')
    device = adj.col.device
    if num_parts == 1 or adj.num_arcs == 0:
        return torch.arange(adj.num_nodes, device=device) * num_parts // adj.num_nodes
    try:
        import pymetis  # optional, and nothing else needs it
    except ImportError:
        raise ImportError(
            "Partitions need METIS: pip install 'pymetis>=2025.2'."
        ) from None
    matrix = pattern_matrix(adj)
    graph = pymetis.CSRAdjacency(matrix.indptr, matrix.indices)
    options = pymetis.Options(seed=seed)
    _, part = pymetis.part_graph(num_parts, graph, options=options)
    return torch.as_tensor(part, dtype=torch.int64, device=device)
