from __future__ import annotations

from typing import Any

import numpy as np
from scipy.sparse import csr_array

from graphsparse.engine import InputError
from graphsparse.graph.adjacency import Adjacency


def pattern_matrix(adj: Adjacency) -> Any:
    """The arcs as a scipy matrix of ones, no duplicates, no loops, int32 indices.

    Row = target. So scipy's graph routines and METIS take it.

    Raises:
        InputError: If there are 2^31 arcs or more.
    """
    if adj.num_arcs >= 2**31:
        raise InputError(f'{adj} is too large: 2^31 arcs or more.')
    parts = (adj.col.cpu().numpy(), adj.rowptr.cpu().numpy())
    ends = (part.astype(np.int32) for part in parts)
    shape = (adj.num_nodes, adj.num_nodes)
    matrix = csr_array((np.ones(adj.num_arcs, np.int8), *ends), shape=shape)
    matrix.sum_duplicates()
    matrix.data[:] = 1  # sums wrap around, and scipy drops what adds up to 0
    return matrix
