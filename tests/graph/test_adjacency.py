import copy
from itertools import pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, build
from tests.helpers import (
    FIVE,
    arcs_of,
    both_ways,
    dense_adjacency,
    densify,
    graphs,
    modest,
    random_graph,
)

make = Adjacency.from_edge_index


def five(**options):
    return make(both_ways(FIVE), 5, **options)


def shuffled(edge_index, seed=0):
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(edge_index.size(1), generator=generator)
    return edge_index[:, order], order


# Tiny graphs, number by number.


def test_triangle_and_path():
    adj = five()
    assert repr(adj) == 'Adjacency(undirected, nodes=5, edges=5, arcs=10, loops=0)'
    assert adj.rowptr.tolist() == [0, 3, 5, 7, 9, 10]
    assert adj.col.tolist() == [1, 2, 3, 0, 2, 0, 1, 0, 4, 3]
    assert adj.row().tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3, 4]
    assert adj.edge().tolist() == [0, 1, 2, 0, 3, 1, 3, 2, 4, 4]
    assert adj.edge_slot().tolist() == [0, 1, 2, 4, 8]
    assert adj.transpose()[2].tolist() == [3, 5, 7, 0, 6, 1, 4, 2, 9, 8]
    assert adj.degree().tolist() == [3, 2, 2, 2, 1]
    assert adj.edge_id.tolist() == [5, 6, 7, 0, 8, 1, 3, 2, 9, 4]
    assert adj.col.dtype == torch.int32


def test_parallel_arcs_are_paired_copy_by_copy():
    # 0->1 thrice, 1->0 thrice, and two loops at 1, one at 0
    edge_index = torch.tensor(
        [[0, 1, 1, 0, 1, 0, 0, 1, 1], [1, 1, 0, 1, 0, 1, 0, 0, 1]]
    )
    adj = make(edge_index, 2)
    assert repr(adj) == 'Adjacency(undirected, nodes=2, edges=3, arcs=6, loops=3)'
    assert adj.edge_id.tolist() == [2, 4, 7, 0, 3, 5]
    assert adj.edge().tolist() == [0, 1, 2, 0, 1, 2]
    assert adj.transpose()[2].tolist() == [3, 4, 5, 0, 1, 2]
    assert adj.loop.tolist() == [0, 1, 1]
    assert adj.loop_id.tolist() == [6, 1, 8]
    keep = adj.to_caller(torch.tensor([True, False, True]), loops=True)
    assert keep.int().tolist() == [1, 1, 1, 0, 0, 1, 1, 1, 1]


def test_directed_edges_are_arcs_in_csr_order():
    edge_index = torch.tensor([[2, 0, 1, 0], [0, 1, 0, 3]])
    adj = make(edge_index, 4)
    assert repr(adj) == 'Adjacency(directed, nodes=4, edges=4, arcs=4, loops=0)'
    assert adj.edge_id.tolist() == [2, 0, 1, 3]
    assert adj.edge().tolist() == adj.edge_slot().tolist() == [0, 1, 2, 3]
    assert adj.degree().tolist() == [2, 1, 0, 1]
    assert adj.num_isolated() == 0


def test_unequal_numbers_of_parallel_arcs_are_directed():
    assert not make(torch.tensor([[0, 1, 0], [1, 0, 1]]), 2).undirected
    assert make(torch.tensor([[0, 1, 0, 1], [1, 0, 1, 0]]), 2).undirected


def test_isolated_nodes_whatever_their_loops():
    assert make(torch.tensor([[0, 1, 3], [1, 0, 3]]), 5).num_isolated() == 3
    assert make(torch.tensor([[0, 3], [1, 3]]), 5).num_isolated() == 3
    assert five().num_isolated() == 0


def test_two_node_sets():
    adj = make(torch.tensor([[0, 2, 1], [0, 1, 1]]), (3, 2))
    assert (adj.num_src, adj.num_dst) == (3, 2)
    assert repr(adj) == 'Adjacency(directed, nodes=3 -> 2, edges=3, arcs=3, loops=0)'
    assert adj.to_edge_index().tolist() == [[0, 2, 1], [0, 1, 1]]
    same_size = make(torch.tensor([[0, 1], [0, 1]]), (2, 2))
    assert same_size.num_loops == 0
    assert same_size.num_arcs == 2
    for ask in (lambda: adj.num_nodes, adj.num_isolated, adj.normalize):
        with pytest.raises(InputError, match='two node sets: ask for num_src'):
            ask()
    with pytest.raises(InputError, match='two node sets'):
        adj.normalize(add_self_loops=False)


@pytest.mark.parametrize('num_nodes', [0, 3])
def test_no_edges(num_nodes):
    adj = make(torch.empty(2, 0, dtype=torch.int64), num_nodes).prepare()
    assert adj.undirected
    assert adj.num_edges == adj.num_loops == 0
    assert adj.num_isolated() == num_nodes
    assert adj.to_edge_index().shape == (2, 0)
    assert adj.keep_edges(torch.ones(0, dtype=torch.bool)).num_edges == 0
    assert adj.subgraph(torch.ones(0, dtype=torch.bool)).num_edges == 0
    assert adj.values(torch.float32) is None
    out = adj.normalize() @ torch.ones(num_nodes, 2)
    assert torch.equal(out, torch.ones(num_nodes, 2))
    assert len(adj.digest()) == 64


# Any graph.


@modest
@given(graphs())
def test_there_and_back(graph):
    edge_index, num_nodes = graph
    adj = make(edge_index, num_nodes)
    assert torch.equal(adj.to_edge_index(), edge_index)
    assert torch.equal(adj.kept_ids(), torch.arange(edge_index.size(1)))
    loops = edge_index[0] == edge_index[1]
    assert adj.num_loops == int(loops.sum())
    assert adj.num_arcs == int((~loops).sum())
    arcs = arcs_of(edge_index[:, ~loops])
    assert adj.undirected == (arcs == sorted((v, u) for u, v in arcs))
    key = adj.row() * max(num_nodes, 1) + adj.col
    assert torch.equal(key, key.sort().values)


@modest
@given(graphs(), st.integers(0, 99))
def test_the_callers_order_is_out(graph, seed):
    edge_index, num_nodes = graph
    other, order = shuffled(edge_index, seed)
    a, b = make(edge_index, num_nodes), make(other, num_nodes)
    assert a.digest() == b.digest()
    assert torch.equal(a.col, b.col)
    assert torch.equal(a.edge(), b.edge())
    assert torch.equal(order[b.edge_id].sort().values, a.edge_id.sort().values)


@modest
@given(graphs(undirected=True))
def test_twins_share_an_edge_and_edges_are_numbered_by_their_ends(graph):
    adj = make(*graph)
    edge, twin = adj.edge(), adj.transpose()[2].long()
    assert torch.equal(twin[twin], torch.arange(adj.num_arcs))
    assert torch.equal(adj.col[twin].long(), adj.row())
    assert torch.equal(edge[twin], edge)
    assert torch.bincount(edge, minlength=adj.num_edges).eq(2).all()
    slot = adj.edge_slot()
    assert torch.equal(edge[slot], torch.arange(adj.num_edges))
    ends = list(zip(adj.row()[slot].tolist(), adj.col[slot].tolist(), strict=True))
    assert ends == sorted(ends)
    assert all(u < v for u, v in ends)


@modest
@given(graphs(), st.randoms(use_true_random=False))
def test_edges_that_are_not_kept_are_gone(graph, random):
    edge_index, num_nodes = graph
    adj = make(edge_index, num_nodes)
    keep = torch.tensor([random.random() < 0.6 for _ in range(adj.num_edges)]).bool()
    part = adj.keep_edges(keep)
    mask = adj.to_caller(keep, loops=True)
    assert part.num_edges == int(keep.sum())
    assert part.undirected == adj.undirected
    assert torch.equal(part.to_edge_index(), edge_index[:, mask])
    assert torch.equal(part.kept_ids(), mask.nonzero().squeeze(1))
    assert part.digest() == make(edge_index[:, mask], num_nodes).digest()
    worth = torch.arange(part.num_edges) + 1.0
    spread = part.to_caller(worth, loops=-1.0, absent=-2.0)
    again = make(edge_index[:, mask], num_nodes, undirected=part.undirected)
    assert torch.equal(spread[mask], again.to_caller(worth, loops=-1.0))
    assert (spread[~mask] == -2).all()


@modest
@given(graphs(), st.randoms(use_true_random=False))
def test_any_part_of_the_callers_list(graph, random):
    edge_index, num_nodes = graph
    adj = make(edge_index, num_nodes)
    mask = torch.tensor([random.random() < 0.7 for _ in edge_index[0]]).bool()
    part, fresh = adj.subgraph(mask), make(edge_index[:, mask], num_nodes)
    assert torch.equal(part.to_edge_index(), edge_index[:, mask])
    assert part.digest() == fresh.digest()
    # An undirected graph stays so only where every twin is left.
    assert part.undirected == (adj.undirected and fresh.undirected)
    assert part.num_input == edge_index.size(1)
    twice = part.subgraph(torch.ones(part.num_input, dtype=torch.bool))
    assert torch.equal(twice.edge_id, part.edge_id)


@modest
@given(graphs(), st.sampled_from(['none', 'given', 'all']))
def test_patterns_and_their_transposes_are_the_matrix(graph, loops):
    edge_index, num_nodes = graph
    adj = make(edge_index, num_nodes)
    weight = torch.arange(edge_index.size(1)).double() + 1
    at_loops = weight[adj.loop_id]
    if loops == 'all':
        at_loops = 100.0 + torch.arange(num_nodes)
    elif loops == 'none':
        at_loops = weight[:0]
    value = torch.cat([weight[adj.edge_id], at_loops])

    is_loop = edge_index[0] == edge_index[1]
    given = weight if loops == 'given' else weight * ~is_loop
    expected = dense_adjacency(edge_index, given, num_nodes)
    if loops == 'all':
        expected += at_loops.diag()

    pattern = adj.pattern(loops)
    assert pattern.col.numel() == value.numel()
    assert torch.equal(densify(pattern, value), expected)
    assert torch.equal(densify(pattern.transpose(), value), expected.t())
    for rowptr, col in [pattern[:2], pattern.transpose()[:2]]:
        for begin, end in pairwise(rowptr.tolist()):
            assert torch.equal(col[begin:end], col[begin:end].sort().values)
    assert adj.pattern(loops) is pattern


def test_weights_masks_and_loops_in_one_list():
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 1, 2]])
    adj = make(edge_index, 3)
    assert adj.values(torch.float64) is None
    weighted = adj.with_weight(torch.tensor([[2.0], [3.0], [5.0], [7.0]]))
    assert weighted.values(torch.float64).tolist() == [3.0, 2.0, 5.0, 7.0]
    masked = weighted.with_mask(torch.tensor([0.5]))
    assert masked.values(torch.float32).tolist() == [1.5, 1.0, 5.0, 7.0]
    assert adj.with_mask(torch.tensor([0.5])).values(torch.float32).tolist() == [
        0.5,
        0.5,
        1.0,
        1.0,
    ]
    part = masked.subgraph(torch.tensor([True, False, False, True]))
    assert part.values(torch.float32).tolist() == [1.0, 7.0]
    assert not part.undirected
    assert weighted.with_weight(None).values(torch.float32) is None


# What is kept.


def test_operators_are_kept_where_nothing_is_learned():
    adj = five()
    assert adj.normalize() is adj.normalize()
    assert adj.normalize() is not adj.normalize(fill_value=2.0)
    masked = adj.with_mask(torch.full((5,), 0.5))
    assert not torch.equal(masked.normalize().value, adj.normalize().value)
    assert masked.pattern('all') is adj.pattern('all')
    mask = torch.full((5,), 0.5, requires_grad=True)
    learned = adj.with_mask(mask)
    assert learned.normalize() is not learned.normalize()


def test_an_evaluation_before_the_training_takes_no_gradient_away():
    weight, x = torch.ones(10, requires_grad=True), torch.ones(5, 1)
    for mode in (torch.no_grad, torch.inference_mode):
        adj = five().with_weight(weight)
        with mode():
            assert not (adj.normalize() @ x).requires_grad
        (adj.normalize() @ x).sum().backward()
        assert weight.grad.any()
        weight.grad = None


def test_made_in_inference_mode_it_still_trains():
    with torch.inference_mode():
        adj = five().prepare()
        adj.normalize()
        adj.edge()
        part = adj.keep_edges(torch.tensor([True, True, False, True, True]))
        part.normalize()
    for graph in (adj, part):
        assert not any(
            t.is_inference() for t in vars(graph).values() if torch.is_tensor(t)
        )
        x = torch.ones(5, 2, requires_grad=True)
        mask = torch.ones(graph.num_edges, requires_grad=True)
        (graph.normalize() @ x).sum().backward()
        (graph.with_mask(mask).normalize() @ x).sum().backward()
        assert x.grad.isfinite().all()


def test_a_ready_adjacency_compiles_as_one_graph():
    adj = make(torch.cat([both_ways(FIVE), torch.tensor([[2], [2]])], 1), 5).prepare()
    x, mask = torch.rand(5, 3), torch.rand(5, requires_grad=True)

    def run(x, mask):
        return (adj.with_mask(mask).normalize() @ x) + (adj.normalize() @ x)

    compiled = torch.compile(run, backend='aot_eager', fullgraph=True)
    assert_close(compiled(x, mask), run(x, mask))
    found = torch.autograd.grad(compiled(x, mask).sum(), mask)
    assert_close(found, torch.autograd.grad(run(x, mask).sum(), mask))


# What it is made of stays as it is.


def test_the_input_is_never_changed():
    edge_index, weight = random_graph(20, 40), torch.rand(80)
    before = edge_index.clone(), weight.clone()
    adj = make(edge_index, 20, weight)
    parts = {k: v.clone() for k, v in vars(adj).items() if torch.is_tensor(v)}
    adj.prepare().normalize()
    adj.keep_edges(torch.arange(40) % 2 == 0).normalize()
    adj.with_mask(torch.rand(40)).normalize()
    adj.to_edge_index().zero_()
    adj.to_caller(torch.rand(40), loops=0).zero_()
    assert torch.equal(edge_index, before[0])
    assert torch.equal(weight, before[1])
    assert all(torch.equal(getattr(adj, name), part) for name, part in parts.items())
    edge_index.zero_()
    weight.zero_()
    assert torch.equal(adj.to_edge_index(), before[0])
    assert torch.equal(adj.with_weight(before[1]).weight, adj.weight)


def test_as_many_edges_as_nodes():
    adj = make(both_ways([(0, 1), (1, 2), (2, 3), (3, 0)]), 4)
    assert adj.num_edges == adj.num_nodes == 4
    assert adj.keep_edges(torch.tensor([True, False, True, True])).num_nodes == 4
    arcs = make(torch.tensor([[0, 1, 2], [1, 2, 0]]), 3)
    assert arcs.with_weight(torch.arange(3.0)).weight.tolist() == [2.0, 0.0, 1.0]


def test_pairs_or_arcs():
    adj = make(random_graph(9, 20), 9)
    adj.edge()
    arcs = adj.as_directed()
    assert (adj.num_edges, arcs.num_edges) == (20, 40)
    assert torch.equal(arcs.edge(), torch.arange(40))
    assert torch.equal(arcs.as_undirected().edge(), adj.edge())
    assert arcs.digest() == adj.digest()
    assert make(adj.to_edge_index(), 9, undirected=False).num_edges == 40
    one_way = make(random_graph(9, 20, undirected=False), 9)
    with pytest.raises(InputError, match='some arcs have no twin'):
        one_way.as_undirected()


def test_copies_and_devices():
    adj = make(random_graph(9, 20), 9, torch.rand(40))
    adj.normalize()
    for other in (copy.deepcopy(adj), adj.to('cpu'), adj.to('meta')):
        assert other.num_edges == 20
        assert other.col.device == other.weight.device
    assert copy.deepcopy(adj).digest() == adj.to('cpu').digest() == adj.digest()
    assert adj.to('meta').col.device.type == 'meta'


def test_digests_tell_graphs_apart():
    edge_index = both_ways(FIVE)
    graphs = [
        make(edge_index, 5),
        make(edge_index, 6),
        make(edge_index[:, 1:], 5),
        make(torch.cat([edge_index, edge_index[:, :1]], 1), 5),
        make(torch.cat([edge_index, torch.tensor([[0], [0]])], 1), 5),
        make(torch.cat([edge_index, torch.tensor([[1], [1]])], 1), 5),
        make(edge_index, (5, 6)),
    ]
    assert len({adj.digest() for adj in graphs}) == 7
    assert make(edge_index.int(), 5).digest() == graphs[0].digest()


def test_wrong_masks_are_named():
    adj = make(torch.cat([both_ways(FIVE), torch.tensor([[2], [2]])], 1), 5)
    with pytest.raises(InputError, match=r'the 5 edges .*bool of shape \[10\]'):
        adj.keep_edges(torch.ones(10, dtype=torch.bool))
    with pytest.raises(InputError, match=r'the 5 edges .*int64 of shape \[5\]'):
        adj.keep_edges(torch.ones(5, dtype=torch.int64))
    with pytest.raises(InputError, match=r"the 11 entries of the caller's.*\[5\]"):
        adj.subgraph(torch.ones(5, dtype=torch.bool))
    with pytest.raises(InputError, match=r'the 5 edges .*float32 of shape \[4\]'):
        adj.with_mask(torch.ones(4))
    with pytest.raises(InputError, match=r'the 5 edges .*bool of shape \[5\]'):
        adj.with_mask(torch.ones(5, dtype=torch.bool))


@pytest.mark.parametrize('block', [1, 3, 100])
def test_ends_of_edges_in_blocks(monkeypatch, block):
    monkeypatch.setattr(build, '_BLOCK', block)
    adj = make(torch.cat([both_ways(FIVE), torch.tensor([[1], [1]])], 1), 5)
    for graph in (adj, adj.as_directed()):
        found = torch.cat([torch.stack(ends) for ends in graph.edge_blocks()], 1)
        slot = graph.edge_slot()
        assert torch.equal(found[0], graph.col[slot].long())
        assert torch.equal(found[1], graph.row()[slot])
    assert list(make(torch.empty(2, 0, dtype=torch.int64), 3).edge_blocks()) == []


def test_degrees_of_both_ends():
    adj = make(both_ways(FIVE), 5)
    assert adj.out_degree().tolist() == adj.degree().tolist() == [3, 2, 2, 2, 1]
    one_way = make(torch.tensor(FIVE).t(), 5)
    assert one_way.out_degree().tolist() == [3, 1, 0, 1, 0]
    assert one_way.degree().tolist() == [0, 1, 2, 1, 1]


def test_pyg_moves_it_with_the_data():
    data = Data(x=torch.ones(5, 1), edge_index=make(both_ways(FIVE), 5))
    for blocking in (True, False):
        moved = data.to('meta', non_blocking=not blocking)
        assert moved.edge_index.device.type == moved.x.device.type == 'meta'
