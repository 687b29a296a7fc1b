import os

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.utils import k_hop_subgraph

from graphsparse.kernels import sample_neighbors
from tests.helpers import csr_of, graphs, modest, random_graph
from tests.kernels.test_native import wait_for

fanout_lists = st.lists(st.integers(-1, 4), max_size=3)


def weights_for(col, share=0.3, seed=0):
    """Weights some of which are 0."""
    weight = torch.rand(col.numel(), generator=torch.Generator().manual_seed(seed))
    return weight.masked_fill(weight < share, 0)


def check_sample(out, rowptr, col, seeds, fanouts):
    """What holds of every sample."""
    assert torch.equal(out.node[: seeds.numel()], seeds)
    fresh = out.node[seeds.numel() :]
    assert fresh.unique().numel() == fresh.numel()
    assert not torch.isin(fresh, seeds).any()
    assert sum(out.num_sampled_nodes) == out.node.numel()
    assert out.num_sampled_nodes[0] == seeds.numel()
    assert len(out.num_sampled_nodes) == len(fanouts) + 1
    assert sum(out.num_sampled_edges) == out.slot.numel()
    assert len(out.num_sampled_edges) == len(fanouts)
    # The arcs are the graph's: from their slot's column to their slot's row.
    target = out.node[out.target]
    assert torch.equal(out.node[out.source], col.long()[out.slot])
    assert ((rowptr[target] <= out.slot) & (out.slot < rowptr[target + 1])).all()
    assert (out.target.diff() >= 0).all()


def hops_of(out):
    """``(expanded local ids, their arcs' targets)`` of each hop."""
    nodes = torch.arange(out.node.numel()).split(out.num_sampled_nodes)
    return list(zip(nodes, out.target.split(out.num_sampled_edges), strict=False))


@modest
@given(graphs(), fanout_lists, st.data())
def test_arcs_counts_and_order(graph, fanouts, data):
    edge_index, num_nodes = graph
    rowptr, col = csr_of(edge_index, num_nodes)
    ids = (
        st.lists(st.integers(0, num_nodes - 1), unique=True)
        if num_nodes
        else st.just([])
    )
    seeds = torch.tensor(data.draw(ids), dtype=torch.int64)
    degree = rowptr.diff()
    out = sample_neighbors(rowptr, col, seeds, fanouts, seed=3)
    check_sample(out, rowptr, col, seeds, fanouts)
    assert out.slot.unique().numel() == out.slot.numel()
    for fanout, (expanded, target) in zip(fanouts, hops_of(out), strict=False):
        has = degree[out.node[expanded]]
        drawn = has if fanout < 0 else has.clamp(max=fanout)
        counts = torch.bincount(target, minlength=out.node.numel())[expanded]
        assert torch.equal(counts, drawn)

    out = sample_neighbors(rowptr, col, seeds, fanouts, seed=3, replace=True)
    check_sample(out, rowptr, col, seeds, fanouts)
    for fanout, (expanded, target) in zip(fanouts, hops_of(out), strict=False):
        has = degree[out.node[expanded]]
        drawn = has if fanout < 0 else (has > 0) * fanout
        counts = torch.bincount(target, minlength=out.node.numel())[expanded]
        assert torch.equal(counts, drawn)


@pytest.mark.parametrize('replace', [False, True])
@pytest.mark.parametrize('fanouts', [[3, 2, 4], [-1, 5], [0, 2], []])
def test_native_equals_reference_bit_for_bit(fanouts, replace, both):
    rowptr, col = csr_of(random_graph(60, 500, undirected=False), 62)
    seeds = torch.tensor([5, 3, 5, 61, 9])
    weight = weights_for(col)
    for some in (None, weight, weight.double().pow(9)):
        options = {'seed': 7, 'weight': some, 'replace': replace}
        results = [
            *both(sample_neighbors, rowptr, col, seeds, fanouts, **options),
            *both(sample_neighbors, rowptr, col.long(), seeds, fanouts, **options),
        ]
        for other in results[1:]:
            assert other[4:] == results[0][4:]
            assert all(map(torch.equal, other[:4], results[0][:4]))


def test_a_sample_stays_what_it_was():
    """The streams are a promise: the same seed, the same batch in each version."""
    rowptr, col = torch.arange(0, 201, 10), torch.arange(200) * 7 % 20
    out = sample_neighbors(rowptr, col, torch.tensor([4, 11]), [2, 2], seed=0)
    assert out.node.tolist() == [4, 11, 15, 3, 19, 13, 18, 12, 6]
    assert out.slot[:4].tolist() == [45, 49, 117, 119]
    assert out.slot[4:].tolist() == [154, 157, 36, 39, 193, 199, 136, 138]
    assert out.source.tolist() == [2, 3, 4, 5, 6, 4, 7, 5, 1, 5, 7, 8]
    assert out.target.tolist() == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4, 5, 5]
    assert (out.num_sampled_nodes, out.num_sampled_edges) == ([2, 4, 3], [4, 8])


def test_all_neighbours_of_all_hops_are_the_k_hop_subgraph():
    edge_index = random_graph(80, 90, undirected=False)
    rowptr, col = csr_of(edge_index, 80)
    seeds = torch.tensor([5, 40])
    out = sample_neighbors(rowptr, col, seeds, [-1, -1], seed=0)
    subset, _, _, mask = k_hop_subgraph(seeds, 2, edge_index, num_nodes=80)
    assert torch.equal(out.node.sort().values, subset)
    inner = k_hop_subgraph(seeds, 1, edge_index, num_nodes=80)[0]
    assert out.num_sampled_nodes == [
        2,
        inner.numel() - 2,
        out.node.numel() - inner.numel(),
    ]
    assert out.slot.numel() == torch.isin(edge_index[1], inner).sum() <= mask.sum()


def drawn_for(out, node, hop):
    """The slots that a node drew in a hop."""
    arcs = slice(
        sum(out.num_sampled_edges[:hop]), sum(out.num_sampled_edges[: hop + 1])
    )
    return out.slot[arcs][out.node[out.target[arcs]] == node].tolist()


@pytest.mark.parametrize('weighted', [False, True])
def test_a_draw_depends_on_seed_hop_and_node_alone(weighted):
    rowptr, col = csr_of(random_graph(50, 900), 50)
    weight = weights_for(col) if weighted else None

    def run(seeds, seed=1):
        seeds = torch.tensor(seeds)
        return sample_neighbors(rowptr, col, seeds, [5, 5], seed=seed, weight=weight)

    one, two = run([8, 30]), run([41, 2, 8, 17])
    assert len(drawn_for(one, 8, 0)) == 5
    assert drawn_for(one, 8, 0) == drawn_for(two, 8, 0)
    last = [set(out.node[out.num_sampled_nodes[0] :].tolist()) for out in (one, two)]
    shared = [
        (drawn_for(one, node, 1), drawn_for(two, node, 1)) for node in last[0] & last[1]
    ]
    assert any(a for a, _ in shared)
    assert all(a == b for a, b in shared if a and b)
    assert drawn_for(run([8], seed=2), 8, 0) != drawn_for(one, 8, 0)
    second = next(node for node in last[0] if drawn_for(one, node, 1))
    assert drawn_for(run([second]), second, 0) != drawn_for(one, second, 1)


@pytest.mark.parametrize('weighted', [False, True])
@pytest.mark.parametrize('replace', [False, True])
def test_threads_do_not_change_a_sample(compiled, any_thread, replace, weighted):
    rowptr, col = csr_of(random_graph(3000, 30_000), 3000)
    seeds = torch.arange(0, 3000, 3)
    weight = weights_for(col) if weighted else None
    results = []
    for threads in (1, 2):
        torch.set_num_threads(threads)
        results.append(
            sample_neighbors(
                rowptr, col, seeds, [9, 4], seed=0, weight=weight, replace=replace
            )
        )
    assert all(map(torch.equal, results[0][:4], results[1][:4]))


def test_nothing_of_weight_zero_is_drawn():
    rowptr, col = csr_of(random_graph(40, 300), 40)
    weight = weights_for(col, 0.8)
    weight[rowptr[7] : rowptr[8]] = 0
    seeds = torch.arange(40)
    for fanout, replace in ((-1, False), (4, False), (4, True), (-1, True)):
        out = sample_neighbors(
            rowptr, col, seeds, [fanout], seed=0, weight=weight, replace=replace
        )
        assert (weight[out.slot] > 0).all()
        assert not (out.target == 7).any()
        check_sample(out, rowptr, col, seeds, [fanout])
    out = sample_neighbors(rowptr, col, seeds, [-1], seed=0, weight=weight)
    assert torch.equal(out.slot, weight.nonzero().squeeze(1))


def test_a_repeated_seed_is_drawn_alike_and_stands_by_its_first_copy():
    rowptr, col = csr_of(random_graph(30, 300), 30)
    seeds = torch.tensor([4, 9, 4])
    out = sample_neighbors(rowptr, col, seeds, [3, 2], seed=0)
    assert out.node[:3].tolist() == [4, 9, 4]
    assert out.slot[out.target == 0].tolist() == out.slot[out.target == 2].tolist()
    assert not (out.source == 2).any()


def test_seeds_and_weights_in_any_layout(both):
    rowptr, col = csr_of(random_graph(30, 300), 30)
    weight = weights_for(col)
    seeds = torch.arange(0, 20, 2)
    plain = sample_neighbors(rowptr, col, seeds, (3,), seed=0, weight=weight)
    apart = weight.repeat_interleave(2)[::2].requires_grad_()
    strided = torch.arange(20, dtype=torch.int32)[::2]
    options = {'seed': 0, 'weight': apart}
    for other in both(sample_neighbors, rowptr, col, strided, (3,), **options):
        assert all(map(torch.equal, plain[:4], other[:4]))
        assert not other.slot.requires_grad


@pytest.mark.parametrize('bad', [-1, 30])
def test_seeds_out_of_range_are_refused(bad):
    rowptr, col = csr_of(random_graph(30, 50), 30)
    with pytest.raises(ValueError, match=f'seeds has to hold .* 0 to 29 .got {bad}'):
        sample_neighbors(rowptr, col, torch.tensor([1, bad]), [2], seed=0)


def test_other_bad_input_is_refused():
    rowptr, col = csr_of(random_graph(30, 50), 30)
    seeds = torch.arange(30)
    with pytest.raises(ValueError, match=r'list of node ids.*float32'):
        sample_neighbors(rowptr, col, torch.ones(3), [2], seed=0)
    with pytest.raises(ValueError, match=r'-1 for all .got -2'):
        sample_neighbors(rowptr, col, seeds, [2, -2], seed=0)
    with pytest.raises(ValueError, match=r'one float for each of the 100 slots'):
        sample_neighbors(rowptr, col, seeds, [2], seed=0, weight=torch.ones(99))
    with pytest.raises(ValueError, match=r'the same 29 nodes as the rows'):
        sample_neighbors(rowptr[:-1], col.clamp(min=29), seeds[:5], [2], seed=0)


@pytest.mark.parametrize('bad', [-0.5, float('nan'), float('inf'), float('-inf')])
def test_a_bad_weight_is_refused_where_it_is_looked_at(bad, both):
    rowptr, col = csr_of(random_graph(30, 200), 30)
    weight = torch.ones(col.numel())
    weight[rowptr[12]] = bad

    def run(seed_node):
        try:
            sample_neighbors(
                rowptr, col, torch.tensor([seed_node]), [2], seed=0, weight=weight
            )
        except ValueError as error:
            return str(error)
        return None

    assert both(run, 11) == (None, None)
    native, reference = both(run, 12)
    assert native == reference
    assert f'(got {bad} in row 12)' in native


def test_weights_without_a_finite_sum_are_refused(both):
    rowptr, col = csr_of(random_graph(30, 200), 30)
    weight = torch.full(col.shape, 1e308, dtype=torch.float64)
    seeds = torch.tensor([12])

    def run():
        with pytest.raises(ValueError, match=r'sum of a row .got inf in row 12'):
            sample_neighbors(rowptr, col, seeds, [2], seed=0, weight=weight)

    both(run)


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_forked_worker_draws_the_same(compiled, any_thread):
    torch.set_num_threads(2)
    rowptr, col = csr_of(random_graph(300, 3000), 300)
    seeds = torch.arange(100)

    def run():
        return sample_neighbors(rowptr, col, seeds, [5, 5], seed=0).slot

    expected = run()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            torch.set_num_threads(1)  # as a DataLoader's worker does
            code = 0 if torch.equal(run(), expected) else 2
        finally:
            os._exit(code)
    assert wait_for(child, seconds=10) == 0
