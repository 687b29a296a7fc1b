"""What tests of several rooms share: random graphs, and slow oracles."""

from itertools import pairwise

import numpy as np
import torch
from hypothesis import settings
from hypothesis import strategies as st

from graphsparse.kernels import Pattern, transpose_csr

modest = settings(max_examples=50, deadline=None)


# 0-1, 0-2, 0-3, 1-2, 3-4: the triangle and the path tell degree scores apart.
FIVE = [(0, 1), (0, 2), (0, 3), (1, 2), (3, 4)]


def both_ways(pairs):
    """An edge_index with the two arcs of every pair; a loop stands once."""
    arcs = [*pairs, *((v, u) for u, v in pairs if u != v)]
    return torch.tensor(arcs, dtype=torch.int64).view(-1, 2).t().contiguous()


@st.composite
def graphs(draw, undirected=None, loops=True, max_nodes=7, max_edges=14):
    """A multigraph in any order, as ``(edge_index, num_nodes)``; it may be empty."""
    num_nodes = draw(st.integers(0, max_nodes))
    node = st.integers(0, num_nodes - 1)
    arcs = st.tuples(node, node)
    if not loops:
        arcs = arcs.filter(lambda pair: pair[0] != pair[1])
    enough = num_nodes > (0 if loops else 1)
    pairs = draw(st.lists(arcs, max_size=max_edges)) if enough else []
    if draw(st.booleans()) if undirected is None else undirected:
        pairs += [(v, u) for u, v in pairs if u != v]
        pairs = draw(st.permutations(pairs))
    return torch.tensor(pairs, dtype=torch.int64).view(-1, 2).t(), num_nodes


def random_graph(num_nodes, num_pairs, seed=0, undirected=True):
    """A multigraph without loops."""
    rng = np.random.default_rng(seed)
    src = rng.integers(0, num_nodes, num_pairs)
    dst = (src + rng.integers(1, num_nodes, num_pairs)) % num_nodes
    pairs = list(zip(src.tolist(), dst.tolist(), strict=True))
    return both_ways(pairs) if undirected else torch.tensor(pairs).t().contiguous()


def random_pattern(rows, cols, slots, index=torch.int32, perm=False, seed=0):
    """A CSR with duplicates; rows that are multiples of 3 are empty."""
    rng = np.random.default_rng(seed)
    filled = [i for i in range(rows) if i % 3] or [0]
    row = np.sort(rng.choice(filled, slots)) if rows else np.zeros(0, int)
    col = torch.as_tensor(rng.integers(0, max(cols, 1), slots)).to(index)
    count = torch.bincount(torch.as_tensor(row), minlength=rows)
    rowptr = torch.cat([count.new_zeros(1), count.cumsum(0)])
    t_rowptr, t_col, t_perm = transpose_csr(rowptr, col, cols)
    if not perm:
        return Pattern(rowptr, col, None, t_rowptr, t_col, t_perm)
    place = torch.as_tensor(rng.permutation(slots)).to(index)
    return Pattern(rowptr, col, place, t_rowptr, t_col, place[t_perm.long()])


def csr_of(edge_index, num_nodes, index=torch.int32):
    """``(rowptr, col)`` with targets as rows, the given order kept within a row."""
    source, target = edge_index
    ends = torch.bincount(target, minlength=num_nodes).cumsum(0)
    rowptr = torch.cat([ends.new_zeros(1), ends])
    return rowptr, source[torch.argsort(target, stable=True)].to(index)


def slots_of(pattern):
    """``(row, col, place of the value)`` of every slot, plain numbers."""
    ends = pattern.rowptr.tolist()
    for row, (begin, end) in enumerate(pairwise(ends)):
        for k in range(begin, end):
            place = k if pattern.perm is None else int(pattern.perm[k])
            yield row, int(pattern.col[k]), place


def densify(pattern, value=None):
    """The matrix of a pattern with its transpose, float64, duplicates summed."""
    shape = pattern.rowptr.numel() - 1, pattern.t_rowptr.numel() - 1
    out = torch.zeros(shape, dtype=torch.float64)
    for row, col, place in slots_of(pattern):
        out[row, col] += 1 if value is None else value[place]
    return out


def dense_adjacency(edge_index, weight, num_nodes):
    """Row = target, column = source, float64, parallel arcs summed."""
    out = torch.zeros(num_nodes, num_nodes, dtype=torch.float64)
    return out.index_put((edge_index[1], edge_index[0]), weight.double(), True)


def arcs_of(edge_index):
    """The multiset of arcs, for comparing sets of edges whatever their order."""
    return sorted(map(tuple, edge_index.t().tolist()))
