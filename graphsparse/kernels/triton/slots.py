"""What every kernel does with slots: find its own, their entries, their heads.

A program takes one row. Rows follow a power law, so one of more than ``CHUNK`` slots
is cut where multiples of ``CHUNK`` are. At most two such rows meet in a chunk: one that
holds its first slot, whose piece is number ``2 * chunk``, and one that begins later, at
``2 * chunk + 1``. How many numbers there are is known without reading the graph, and a
second kernel adds up the pieces of a row, always in the same order.
"""

import triton
import triton.language as tl


@triton.jit
def row_of(rowptr, rows, slot):
    """The row that holds a slot: the last one to begin at it or before."""
    low = slot * 0
    high = low + rows
    while high - low > 1:
        middle = (low + high) // 2
        before = tl.load(rowptr + middle) <= slot
        low = tl.where(before, middle, low)
        high = tl.where(before, high, middle)
    return low


@triton.jit
def piece_of(rowptr, rows, slots, pieces, CHUNK: tl.constexpr):
    """Row, first slot, end, and whether there is anything to write for this program.

    The first programs take the pieces, as they run longest, the others a row each.
    """
    number = tl.program_id(0).to(tl.int64)
    if number < pieces:
        start = number // 2 * CHUNK
        stop = tl.minimum(start + CHUNK, slots)
        former = number % 2 == 0
        row = row_of(rowptr, rows, tl.where(former, start, stop - 1))
        begin = tl.load(rowptr + row)
        end = tl.load(rowptr + row + 1)
        mine = (end - begin > CHUNK) & (former | (begin > start))
        begin = tl.maximum(begin, start)
        end = tl.minimum(end, stop)
    else:
        row = number - pieces
        begin = tl.load(rowptr + row)
        end = tl.load(rowptr + row + 1)
        mine = end - begin <= CHUNK
    return row, begin, tl.where(mine, end, begin), mine


@triton.jit
def long_row(rowptr, rows, slots, CHUNK: tl.constexpr):
    """The long row that begins in this program's chunk: row, pieces, first piece.

    It has 0 pieces where there is no such row. Piece ``i > 0`` is the first one of the
    i th chunk from here.
    """
    start = tl.program_id(0).to(tl.int64) * CHUNK
    row = row_of(rowptr, rows, tl.minimum(start + CHUNK, slots) - 1)
    begin = tl.load(rowptr + row)
    end = tl.load(rowptr + row + 1)
    there = (begin >= start) & (end - begin > CHUNK)
    pieces = tl.where(there, (end - 1) // CHUNK - start // CHUNK + 1, 0)
    return row, pieces, start // CHUNK * 2 + (begin > start).to(tl.int64)


@triton.jit
def piece_numbers(i, first):
    """The places of the i th pieces of a long row."""
    return tl.where(i == 0, first, first // 2 * 2 + 2 * i)


@triton.jit
def entries(perm, keep, k, inside):
    """The entry of each slot, int64, and whether the slot is kept."""
    entry = k
    if perm is not None:
        entry = tl.load(perm + k, mask=inside, other=0).to(tl.int64)
    if keep is not None:
        byte = tl.load(keep + entry // 8, mask=inside, other=0).to(tl.int32)
        inside = inside & (((byte >> (7 - entry % 8).to(tl.int32)) & 1) == 1)
    return entry, inside


@triton.jit
def columns(col, k, inside):
    """The column of each slot, int64; the slot itself where there are no columns."""
    if col is None:
        return k
    else:
        return tl.load(col + k, mask=inside, other=0).to(tl.int64)


@triton.jit
def head_block(
    H: tl.constexpr,
    F: tl.constexpr,
    BLOCK_H: tl.constexpr,
    BLOCK_F: tl.constexpr,
):
    """Heads of this program, places ``[heads, features]`` in a row, which are there."""
    number = tl.program_id(1)
    across: tl.constexpr = 1 if F == 0 else (F + BLOCK_F - 1) // BLOCK_F
    h = number // across * BLOCK_H + tl.arange(0, BLOCK_H)
    f = number % across * BLOCK_F + tl.arange(0, BLOCK_F)
    there = (h < H)[:, None] & (f < F)[None, :]
    return h, h[:, None] * F + f[None, :], there


@triton.jit
def of_row(x, row, place, there, WIDTH: tl.constexpr, ACC: tl.constexpr):
    """Dense row ``row`` at some places, to meet a block of slots, ``[1, ...]``."""
    return tl.load(x + row * WIDTH + place, mask=there, other=0).to(ACC)[None]


@triton.jit
def of_heads(values, at, on, h, H: tl.constexpr, ACC: tl.constexpr):
    """``values[at]`` for this program's heads, ``[slots, heads]``; 0 where not on."""
    here = on[:, None] & (h < H)[None, :]
    return tl.load(values + at[:, None] * H + h[None, :], mask=here, other=0).to(ACC)


@triton.jit
def gather(x, at, on, place, there, WIDTH: tl.constexpr, ACC: tl.constexpr):
    """Dense rows ``x[at]``, ``[slots, heads, features]``; 0 where not on."""
    here = on[:, None, None] & there[None, :, :]
    return tl.load(
        x + at[:, None, None] * WIDTH + place[None, :, :], mask=here, other=0
    ).to(ACC)


@triton.jit
def put_heads(values, at, on, h, number, H: tl.constexpr):
    """``values[at] = number`` for this program's heads, where on."""
    here = on[:, None] & (h < H)[None, :]
    tl.store(values + at[:, None] * H + h[None, :], number, mask=here)


@triton.jit
def put_row(part, out, row, pieces, mine, place, there, total, WIDTH: tl.constexpr):
    """What this program summed: a row, or a piece of a long one."""
    piece = tl.program_id(0).to(tl.int64)
    if mine:
        if piece < pieces:
            tl.store(part + piece * WIDTH + place, total, mask=there)
        else:
            tl.store(out + row * WIDTH + place, total, mask=there)
