"""Sorting arcs by counting: rows from lists, rows from columns, loops into rows.

On the CPU compiled, elsewhere and without the extension in torch; the two agree
entry by entry. Nothing is checked here: what comes in is a checked edge list or CSR.
"""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.kernels.native import native_call
from graphsparse.kernels.pattern import row_ids

_INT32 = 2**31  # how many things an int32 can number


def index_type(*sizes: int) -> torch.dtype:
    """The smaller integer type that numbers so many things."""
    return torch.int32 if max(sizes) < _INT32 else torch.int64


def _able(col: Tensor, *sizes: int) -> Tensor:
    """The columns, as int64 where their own type cannot number ``sizes`` things."""
    return col.long() if index_type(*sizes) == torch.int64 else col


def _run(op: str, col: Tensor, *args: Tensor | int | None) -> bool:
    # torch.compile sees through torch only, and what it traces with has no memory.
    if torch.compiler.is_compiling() or type(col) is not Tensor or not col.is_cpu:
        return False
    return native_call(op, (col.dtype,), *args)


def sort_arcs(
    src: Tensor, dst: Tensor, num_src: int, num_dst: int, loops_apart: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """A list of arcs as sorted rows: ``(rowptr, col, edge_id)``.

    Args:
        src: Source of each arc, int64 ``[listed]``.
        dst: Target of each, the same.
        num_src: How many sources; columns.
        num_dst: How many targets; rows.
        loops_apart: Leave out arcs from a node to itself.

    Returns:
        Row ends, columns and the place in the list of each slot, sorted by (target,
        source, place). Columns are int32 where loops at all nodes could be added.
    """
    is_loop = src == dst
    arcs = src.numel() - (int(is_loop.sum()) if loops_apart else 0)
    rowptr = src.new_zeros(num_dst + 1)
    index = index_type(max(num_src, num_dst) + src.numel())
    col, edge_id = src.new_empty(arcs, dtype=index), src.new_empty(arcs)
    sizes = src.numel(), arcs, num_src, num_dst, loops_apart
    # Counting takes a number for every source, were there a thousand for each arc.
    if num_src <= 2**20 + 1000 * arcs and _run(
        'sort_arcs', col, src, dst, rowptr, col, edge_id, *sizes
    ):
        return rowptr, col, edge_id
    listed = torch.arange(src.numel(), device=src.device)
    listed = listed[~is_loop] if loops_apart else listed
    key = dst[listed] * num_src + src[listed]
    edge_id = listed[torch.argsort(key, stable=True)]
    torch.cumsum(torch.bincount(dst[listed], minlength=num_dst), 0, out=rowptr[1:])
    return rowptr, src[edge_id].to(index), edge_id


def transpose_csr(
    rowptr: Tensor, col: Tensor, num_cols: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Rows, columns and slots of the transpose: ``(t_rowptr, t_col, t_perm)``.

    ``t_perm[k]`` is the slot of the given matrix that stands at slot ``k`` of the
    transpose. Within a transposed row the given row order is kept.

    Raises:
        ValueError: If a column is not below ``num_cols``.
    """
    if not torch.compiler.is_compiling():
        largest = int(col.max()) if col.numel() else -1
        if largest >= num_cols or num_cols < 0:
            raise ValueError(f'There is no column {largest} among {num_cols}.')
    num_rows = rowptr.numel() - 1
    col = _able(col, num_rows, col.numel())
    t_rowptr = rowptr.new_zeros(num_cols + 1)
    t_col, t_perm = torch.empty_like(col), torch.empty_like(col)
    filled = t_rowptr, t_col, t_perm
    if _run('transpose', col, rowptr, col, *filled, num_rows, num_cols):
        return filled
    t_perm = torch.argsort(col, stable=True)
    torch.cumsum(torch.bincount(col, minlength=num_cols), 0, out=t_rowptr[1:])
    t_col = row_ids(rowptr, col.numel())[t_perm]
    return t_rowptr, t_col.to(col.dtype), t_perm.to(col.dtype)


def find_twins(rowptr: Tensor, col: Tensor) -> Tensor | None:
    """The slot of each arc's twin in a square matrix; None if one has none.

    The copies of parallel arcs are paired in order. This is ``t_perm`` of
    :func:`transpose_csr`, where the transpose is the matrix itself.
    """
    twin = torch.empty_like(_able(col, col.numel()))
    return twin if _pair(rowptr, col.to(twin.dtype), twin) else None


def has_twins(rowptr: Tensor, col: Tensor) -> bool:
    """Whether :func:`find_twins` finds them; holds one number a row, none an arc."""
    return _pair(rowptr, col, None)


def _pair(rowptr: Tensor, col: Tensor, twin: Tensor | None) -> bool:
    num_rows = rowptr.numel() - 1
    found, place = rowptr.new_zeros(1), rowptr[:-1].clone()
    if _run('find_twins', col, rowptr, col, place, twin, found, num_rows):
        return bool(found)
    t_rowptr, t_col, t_perm = transpose_csr(rowptr, col, num_rows)
    if twin is not None:
        twin.copy_(t_perm)
    return torch.equal(t_rowptr, rowptr) and torch.equal(t_col, col.to(t_col.dtype))


def number_edges(rowptr: Tensor, col: Tensor, twin: Tensor) -> Tensor:
    """One number for the two arcs of an edge, int64 ``[slots]``.

    Edges are numbered in the order of the arcs into their smaller node, which is by
    ``(min(u, v), max(u, v))``.
    """
    edge = rowptr.new_empty(col.numel())
    if _run('number_edges', col, rowptr, col, twin, edge, rowptr.numel() - 1):
        return edge
    upper = row_ids(rowptr, col.numel()) < col
    number = upper.cumsum(0) - 1
    return torch.where(upper, number, number[twin.long()])


def merge_loops(
    rowptr: Tensor, col: Tensor, perm: Tensor | None, node: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Self-loops set into sorted rows that have none: ``(rowptr, col, perm)``.

    Args:
        rowptr: Row ends, int64 ``[rows + 1]``.
        col: Columns, ascending in each row, ``[arcs]``.
        perm: The value each slot takes; its own place if None.
        node: Where the loops are, ascending, int64 ``[loops]``. Their values come
            after those of the arcs.
    """
    num_rows, num_arcs, num_loops = rowptr.numel() - 1, col.numel(), node.numel()
    col = _able(col, num_arcs + num_loops)
    perm = None if perm is None else perm.to(col.dtype)
    new_rowptr = torch.empty_like(rowptr)
    new_col = col.new_empty(num_arcs + num_loops)
    new_perm = torch.empty_like(new_col)
    given, filled = (rowptr, col, perm, node), (new_rowptr, new_col, new_perm)
    if _run('merge_loops', col, *given, *filled, num_rows, num_loops):
        return filled
    count = torch.bincount(node, minlength=num_rows)
    ends = torch.cat([count.new_zeros(1), count.cumsum(0)])
    row = row_ids(rowptr, num_arcs)
    slot = torch.arange(num_arcs, device=col.device)
    place = slot + ends[row] + (col > row) * count[row]
    taken = torch.zeros(num_arcs + num_loops, dtype=torch.bool, device=col.device)
    taken[place] = True
    new_col[place], new_perm[place] = col, slot.to(col.dtype) if perm is None else perm
    new_col[~taken] = node.to(col.dtype)
    rank = torch.arange(num_loops, device=col.device) + num_arcs
    new_perm[~taken] = rank.to(col.dtype)
    return rowptr + ends, new_col, new_perm


def invert(perm: Tensor) -> Tensor:
    """Where each number stands in a permutation: ``out[perm[k]] = k``."""
    slot = torch.empty_like(perm)
    if _run('invert', perm, perm, slot, perm.numel()):
        return slot
    place = torch.arange(perm.numel(), dtype=perm.dtype, device=perm.device)
    return slot.index_copy_(0, perm.long(), place)
