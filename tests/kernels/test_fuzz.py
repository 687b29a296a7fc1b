"""20,000 graphs, some with a mistake in them, through every op: right, or an error."""

from __future__ import annotations

from functools import partial

import pytest
import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.kernels import (
    Pattern,
    gat_aggregate,
    induced_subgraph,
    pack_bits,
    random_walk,
    reference,
    sample_layer,
    sample_neighbors,
    sddmm,
    segment_reduce,
    segment_softmax,
    sparse_linear,
    spmm,
    transpose_csr,
    unpack_bits,
)
from graphsparse.kernels.native import sum_type

from .fuzz import (
    FLOATS,
    WIDTHS,
    Dice,
    Graph,
    assert_is_graph,
    draw_edges,
    draw_graph,
    spoil,
)

GRAPHS, BATCH = 20_000, 500


def wide(dtype: torch.dtype) -> torch.dtype:
    """What the reference is asked in."""
    return torch.float64 if dtype in (torch.float32, torch.float64) else torch.float32


def assert_close(ours: Tensor, theirs: Tensor, dtype: torch.dtype, terms: int) -> None:
    """Equal up to the rounding of sums of so many terms."""
    assert ours.dtype == dtype, (ours.dtype, dtype)
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    size = theirs.abs().nan_to_num(0, 0, 0).max() if theirs.numel() else 0
    tol = 8 * torch.finfo(dtype).eps * (terms + 4) * max(float(size), 1)
    theirs = theirs.to(dtype).to(theirs.dtype)  # what overflows, does
    torch.testing.assert_close(
        ours.to(theirs.dtype), theirs, rtol=0, atol=tol, equal_nan=True
    )


def assert_same_gradients(
    dice: Dice, out: Tensor, theirs: Tensor, pairs, terms
) -> None:
    """Of ours and the reference's operands, where all numbers are finite."""
    grad = dice.numbers(*out.shape, dtype=out.dtype)
    leaves = [a for a, _ in pairs]
    ours = torch.autograd.grad(out, leaves, grad)
    expected = torch.autograd.grad(theirs, [b for _, b in pairs], grad.to(theirs.dtype))
    for leaf, a, b in zip(leaves, ours, expected, strict=True):
        assert_close(a, b, leaf.dtype, terms)


def leaf(tensor: Tensor) -> Tensor:
    """The same operand for the reference."""
    return tensor.detach().to(wide(tensor.dtype)).requires_grad_()


def check_spmm(dice: Dice, g: Graph) -> None:
    dtype, reduce = dice.choice(FLOATS), dice.choice(('sum', 'mean', 'max', 'min'))
    heads, width = dice.choice((None, None, 0, 1, 2, 3)), dice.choice(WIDTHS)
    shape = (g.cols, width) if heads is None else (g.cols, heads, width)
    wild = dice.chance(0.1)
    x, value, keep = dice.numbers(*shape, dtype=dtype, wild=wild), None, None
    if dice.chance(0.6):
        by_head = heads is not None and dice.chance(0.6)
        value = dice.numbers(g.slots, *[heads] * by_head, dtype=dice.choice(FLOATS))
    if dice.chance(0.3):
        mask = torch.rand(g.slots, generator=dice.torch) < dice.random()
        keep = dice.lay(pack_bits(mask)) if g.slots else pack_bits(mask)
    if dice.chance(0.2):
        x = dice.other_shape(x)
    if value is not None and dice.chance(0.2):
        value = dice.other_shape(value)
    if value is not None and dice.chance(0.05):
        value = value.to(torch.complex64)
    if keep is not None and dice.chance(0.1):
        keep = dice.choice((dice.other_shape(keep), keep.int()))
    pattern = g.pattern if dice.chance(0.9) else g.pattern._replace(perm=None)
    good = x.dim() in (2, 3) and x.size(0) == g.cols
    num_heads = x.size(1) if x.dim() == 3 else 1
    if value is not None:
        good &= not value.is_complex()
        good &= value.dim() in (1, 2) and value.size(0) == g.slots
        good &= value.dim() != 2 or value.size(1) in (1, num_heads)
    if keep is not None:
        good &= keep.dtype == torch.uint8 and keep.shape == ((g.slots + 7) // 8,)
    if not good:
        with pytest.raises(ValueError):
            spmm(pattern, x, value, reduce, keep)
        return
    back = not wild and dtype in (torch.float32, torch.float64) and dice.chance(0.4)
    pairs = []
    if back:
        x = x.requires_grad_()
    x_ = leaf(x)
    three = x_ if x.dim() == 3 else x_.unsqueeze(1)
    pairs.append((x, x_))
    value_ = None
    if value is not None:
        value = value.to(dtype).requires_grad_(back)
        value_ = leaf(value)
        pairs.append((value, value_))
        value_ = value_ if value.dim() == 2 else value_.unsqueeze(1)
        value_ = value_.expand(-1, num_heads)
    ours = spmm(pattern, x, value, reduce, keep)
    theirs = reference.spmm(*pattern[:3], keep, value_, three, reduce)
    theirs = theirs if x.dim() == 3 else theirs.squeeze(1)
    assert_close(ours.detach(), theirs.detach(), dtype, g.degree)
    if back and pattern is g.pattern:
        assert_same_gradients(dice, ours, theirs, pairs, g.degree * 8 + x.size(-1))


def check_sddmm(dice: Dice, g: Graph) -> None:
    op, dtype = dice.choice(('dot', 'add')), dice.choice(FLOATS)
    shape = [dice.choice((0, 1, 2, 3))] * dice.chance(0.5)
    shape += [dice.choice(WIDTHS)] * (op == 'dot')
    wild = dice.chance(0.1)
    a = dice.numbers(g.rows, *shape, dtype=dtype, wild=wild)
    b = dice.numbers(g.cols, *shape, dtype=dice.choice((dtype, *FLOATS)))
    if dice.chance(0.1):
        a = dice.other_shape(a)
    if dice.chance(0.1):
        b = dice.other_shape(b)
    dims = (2, 3) if op == 'dot' else (1, 2)
    good = a.dim() in dims and b.dim() in dims and a.shape[1:] == b.shape[1:]
    good = good and a.size(0) == g.rows and b.size(0) == g.cols
    if not good:
        with pytest.raises(ValueError):
            sddmm(g.pattern, a, b, op)
        return
    dtype = torch.promote_types(a.dtype, b.dtype)
    back = not wild and dtype in (torch.float32, torch.float64) and dice.chance(0.4)
    a, b = a.to(dtype).requires_grad_(back), b.to(dtype).requires_grad_(back)
    a_, b_ = leaf(a), leaf(b)
    ours = sddmm(g.pattern, a, b, op)
    by_head = a.dim() == dims[1]
    ab = (a_, b_) if by_head else (a_.unsqueeze(1), b_.unsqueeze(1))
    if op == 'dot':
        theirs = reference.sddmm(*g.pattern[:3], None, *ab)
    else:
        theirs = reference.sddmm_add(*g.pattern[:3], *ab)
    theirs = theirs if by_head else theirs.squeeze(1)
    terms = a.size(-1)
    assert_close(ours.detach(), theirs.detach(), dtype, terms)
    if back:
        assert_same_gradients(dice, ours, theirs, [(a, a_), (b, b_)], g.slots)


def check_segment(dice: Dice, g: Graph) -> None:
    dtype, wild = dice.choice(FLOATS), dice.chance(0.1)
    reduce = dice.choice(('sum', 'mean', 'max', 'min', 'softmax'))
    shape = [dice.choice((0, 1, 2, 3, 9))] * dice.chance(0.6)
    src = dice.numbers(g.slots, *shape, dtype=dtype, wild=wild)
    if dice.chance(0.2):
        src = dice.other_shape(src)
    rowptr = g.pattern.rowptr

    def run() -> Tensor:
        if reduce == 'softmax':
            return segment_softmax(rowptr, src)
        return segment_reduce(rowptr, src, reduce)

    if src.dim() not in (1, 2) or src.size(0) != g.slots:
        with pytest.raises(ValueError):
            run()
        return
    back = not wild and dtype in (torch.float32, torch.float64) and dice.chance(0.4)
    src = src.requires_grad_(back)
    src_ = leaf(src)
    ours, two = run(), src_ if src.dim() == 2 else src_.unsqueeze(1)
    if reduce == 'softmax':
        theirs = reference.segment_softmax(rowptr, two)
    else:
        theirs = reference.segment_reduce(rowptr, two, reduce)
    theirs = theirs if src.dim() == 2 else theirs.squeeze(1)
    assert_close(ours.detach(), theirs.detach(), dtype, g.degree)
    if back:
        assert_same_gradients(dice, ours, theirs, [(src, src_)], g.degree)


def check_gat(dice: Dice, g: Graph) -> None:
    dtype, heads = dice.choice(FLOATS), dice.choice((0, 1, 1, 2, 3))
    width, wild = dice.choice(WIDTHS), dice.chance(0.1)
    x = dice.numbers(g.cols, heads, width, dtype=dtype)
    source = dice.numbers(g.cols, heads, dtype=dtype, wild=wild)
    target = dice.numbers(g.rows, heads, dtype=dice.choice((dtype, torch.float32)))
    mask = seed = None
    if dice.chance(0.5):
        mask = torch.rand(g.slots, generator=dice.torch)
        mask = dice.lay((mask * 3 - 1).clamp(0, 1))
    dropout = dice.choice((0.0, 0.0, 0.3, 0.99, 1.0))
    if dropout:
        seed = torch.tensor(dice.randrange(-(2**63), 2**63))
    spoilt = dice.randrange(30)
    x = dice.other_shape(x) if spoilt == 0 else x
    source = dice.other_shape(source) if spoilt == 1 else source
    target = dice.other_shape(target) if spoilt == 2 else target
    if mask is not None and spoilt in (3, 4):
        mask = dice.other_shape(mask)
    if spoilt == 5:
        dropout = dice.choice((-0.1, 1.1, float('nan')))
    if seed is not None and spoilt == 6:
        seed = dice.choice((None, seed.double(), seed.view(1)))
    good = x.dim() == 3 and x.size(0) == g.cols and source.shape == x.shape[:2]
    good = good and target.shape == (g.rows, x.size(1)) and 0 <= dropout <= 1
    good = good and (mask is None or mask.shape == (g.slots,))
    good = good and (not dropout or (seed is not None and seed.dtype == torch.int64))
    good = good and (not dropout or seed.dim() == 0)
    slope = dice.choice((0.2, 0.0, 1.0, 0.01))
    if not good:
        with pytest.raises(ValueError):
            gat_aggregate(g.pattern, x, source, target, mask, slope, dropout, seed)
        return
    acc = sum_type(dtype)
    source, target = source.to(acc), target.to(acc)
    back = not wild and dtype in (torch.float32, torch.float64) and dice.chance(0.4)
    back = back and dropout < 0.9
    given = [x, source, target, *([] if mask is None else [mask.to(acc)])]
    given = [t.detach().requires_grad_(back) for t in given]
    leaves = [leaf(t) for t in given]
    ours = gat_aggregate(
        g.pattern, *given[:3], *(given[3:] or [None]), slope, dropout, seed
    )
    theirs, _ = reference.gat_aggregate(
        *g.pattern[:3], *leaves[:3], *(leaves[3:] or [None]), slope, dropout, seed
    )
    terms = g.degree * (100 if dropout > 0.9 else 1)
    assert_close(ours.detach(), theirs.detach(), dtype, terms)
    if back:
        pairs = list(zip(given, leaves, strict=True))
        assert_same_gradients(dice, ours, theirs, pairs, g.slots * (width + 4))


def check_sparse_linear(dice: Dice, g: Graph) -> None:
    dtype, nodes = dice.choice(FLOATS), dice.choice((0, 1, 2, 7, 33, 70))
    wild = dice.chance(0.1)
    x = dice.numbers(nodes, g.cols, dtype=dtype, wild=wild)
    value = dice.numbers(g.slots, dtype=dice.choice((dtype, *FLOATS)))
    x = dice.other_shape(x) if dice.chance(0.1) else x
    value = dice.other_shape(value) if dice.chance(0.1) else value
    pattern = g.pattern
    if pattern.perm is not None and dice.chance(0.8):
        pattern = Pattern(*pattern[:2], None, *transpose_csr(*pattern[:2], g.cols))
    if dice.chance(0.05):
        pattern = Pattern(*pattern[:2])
    good = x.dim() == 2 and x.size(1) == g.cols and value.shape == (g.slots,)
    good = good and pattern.perm is None and pattern.t_rowptr is not None
    if not good:
        with pytest.raises(ValueError):
            sparse_linear(x, pattern, value)
        return
    back = not wild and dtype in (torch.float32, torch.float64) and dice.chance(0.4)
    x, value = x.requires_grad_(back), value.to(dtype).requires_grad_(back)
    x_, value_ = leaf(x), leaf(value)
    ours = sparse_linear(x, pattern, value)
    theirs = reference.sparse_linear(*pattern[:2], value_, x_)
    assert_close(ours.detach(), theirs.detach(), dtype, g.degree)
    if back:
        pairs = [(x, x_), (value, value_)]
        assert_same_gradients(dice, ours, theirs, pairs, g.slots + nodes)


def check_transpose(dice: Dice, g: Graph) -> None:
    rowptr, col = g.csr
    col = dice.lay(col.clone())
    below = g.cols - dice.choice((0, 0, 0, 1, g.cols + 1))
    if below < 0 or (g.slots and int(col.max()) >= below):
        with pytest.raises(ValueError):
            transpose_csr(rowptr, col, below)
        return
    t_rowptr, t_col, t_perm = transpose_csr(rowptr, col, below)
    row = reference.row_ids(rowptr, g.slots).tolist()
    arcs = sorted(zip(col.tolist(), row, range(g.slots), strict=True))
    turned = reference.row_ids(t_rowptr, g.slots).tolist()
    assert t_rowptr.numel() == below + 1
    assert [*zip(turned, t_col.tolist(), t_perm.tolist(), strict=True)] == arcs


def check_bits(dice: Dice, g: Graph) -> None:
    shape = dice.choice(((g.slots,), (g.rows, g.cols), ()))
    mask = dice.lay(torch.rand(shape, generator=dice.torch) < 0.5)
    bits = pack_bits(mask)
    assert bits.shape == ((mask.numel() + 7) // 8,) and bits.dtype == torch.uint8
    assert torch.equal(unpack_bits(dice.lay(bits.clone()[None])[0], shape), mask)
    for wrong in (bits[:-1], torch.cat([bits, bits, bits[:0] + 1, bits.new_ones(1)])):
        if wrong.shape != bits.shape:
            with pytest.raises(ValueError):
                unpack_bits(wrong, shape)
    with pytest.raises(ValueError):
        pack_bits(mask.to(dice.choice((torch.uint8, torch.float32, torch.int64))))


def check_samplers(dice: Dice, g: Graph) -> None:
    """Native and reference draw the same, or refuse the same."""
    nodes = dice.ids(dice.choice((0, 1, 3, 10)) if g.rows else 0, g.rows)
    weight, good = None, True
    if dice.chance(0.5):
        kind = dice.choice(FLOATS)
        weight = dice.numbers(g.slots, dtype=kind, wild=dice.chance(0.1)).abs()
        weight = weight * (torch.rand(g.slots, generator=dice.torch) < 0.7)
    spoilt = dice.randrange(24)
    if spoilt == 0:
        below = dice.choice((-1, g.rows, 2**40))
        nodes, good = torch.cat([nodes, torch.tensor([below])]), False
    elif spoilt == 1:
        nodes, good = dice.choice((nodes.double(), nodes[None], nodes.bool())), False
    elif spoilt == 2 and weight is not None:
        weight = dice.choice(
            (
                weight.long(),
                weight[None],
                torch.cat([weight] * 2 + [weight.new_ones(1)]),
            )
        )
        good = False
    elif spoilt == 3 and weight is not None:
        weight = -weight
    seed, replace = dice.randrange(-(2**70), 2**70), dice.chance(0.3)
    op = dice.choice((sample_neighbors, random_walk, induced_subgraph, sample_layer))
    if op is sample_neighbors:
        fanouts = dice.choices((-1, 0, 1, 2, 5, 100), k=dice.randrange(3))
        if spoilt == 4:
            fanouts, good = [*fanouts, -2], False
        run = partial(op, *g.csr, nodes, fanouts, seed=seed, weight=weight)
        run = partial(run, replace=replace)
    elif op is random_walk:
        length = -1 if spoilt == 4 else dice.choice((0, 1, 4))
        good = good and length >= 0
        run = partial(op, *g.csr, nodes, length, seed=seed, weight=weight)
    elif op is induced_subgraph:
        good = spoilt > 1 and nodes.unique().numel() == nodes.numel()
        run = partial(op, *g.csr, nodes)
    else:
        nodes = nodes.unique() if spoilt > 1 else nodes
        count = 0 if spoilt == 4 else dice.choice((1, 2, 10))
        good = good and count > 0
        method = dice.choice(('ladies', 'fastgcn'))
        run = partial(op, *g.csr, nodes, count, seed=seed, method=method, value=weight)
        run = partial(run, replace=replace, keep_targets=dice.chance(0.5))
    ours, theirs = outcome(run), outcome(lambda: by_reference(run))
    assert type(ours) is type(theirs), (ours, theirs)
    if not good:
        assert isinstance(ours, ValueError), ours
    elif isinstance(ours, ValueError):
        odd = weight is not None and not (weight.isfinite() & (weight >= 0)).all()
        total = weight is not None and not weight.sum().isfinite()
        assert odd or total or not g.square, ours
    else:
        parts = zip(flat(ours), flat(theirs), strict=True)
        assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in parts)


def flat(found) -> list[Tensor]:
    parts = [found] if isinstance(found, Tensor) else found
    return [torch.as_tensor(part) for part in parts]


def outcome(run):
    try:
        return run()
    except ValueError as error:
        return error


def by_reference(run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr('graphsparse.kernels.draw.native_call', lambda *_: False)
        return run()


CHECKS = [
    *(check_spmm, check_spmm, check_sddmm, check_segment, check_gat),
    *(check_sparse_linear, check_transpose, check_bits, check_samplers),
    *(check_samplers, check_samplers),
]


def feed(number: int) -> None:
    dice = Dice(number)
    edges = draw_edges(dice)
    if dice.chance(0.15):
        edges = spoil(dice, edges)
    if not edges.good:
        with pytest.raises(InputError):
            Adjacency.from_edge_index(edges.edge_index, edges.num_nodes, edges.weight)
        return
    undirected = dice.choice((None, None, False))
    adj = Adjacency.from_edge_index(
        edges.edge_index, edges.num_nodes, edges.weight, undirected
    )
    if dice.chance(0.3):
        assert_is_graph(adj.pattern('given'), edges, adj)
    graph = draw_graph(dice, adj)
    for check in CHECKS[number % len(CHECKS) :: 6]:
        check(dice, graph)


@pytest.mark.parametrize('first', range(0, GRAPHS, BATCH))
def test_right_or_an_error(first):
    for number in range(first, first + BATCH):
        try:
            feed(number)
        except BaseException as error:
            error.add_note(f'That was graph {number}: feed({number}) is the way back.')
            raise
