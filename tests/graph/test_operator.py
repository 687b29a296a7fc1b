import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from torch_geometric.nn.conv.gcn_conv import gcn_norm

from graphsparse.graph import Adjacency
from graphsparse.graph.operator import in_slot_order
from tests.helpers import (
    FIVE,
    both_ways,
    dense_adjacency,
    densify,
    graphs,
    modest,
    random_pattern,
)

make = Adjacency.from_edge_index


def gcn_matrix(edge_index, weight, num_nodes, add_self_loops=True, improved=False):
    ends, value = gcn_norm(
        edge_index, weight, num_nodes, improved, add_self_loops, dtype=torch.float64
    )
    return dense_adjacency(ends, value, num_nodes)


@modest
@given(graphs(), st.booleans(), st.booleans(), st.booleans())
def test_normalized_as_in_pyg(graph, weighted, add_self_loops, improved):
    edge_index, num_nodes = graph
    generator = torch.Generator().manual_seed(edge_index.size(1))
    weight = None
    if weighted:
        weight = torch.rand(edge_index.size(1), generator=generator).double() + 0.1
    improved = improved and weighted  # PyG adds loops of 1 where there are no weights
    adj = make(edge_index, num_nodes, weight)
    operator = adj.normalize(add_self_loops, 2.0 if improved else 1.0, torch.float64)
    expected = gcn_matrix(edge_index, weight, num_nodes, add_self_loops, improved)
    assert_close(densify(operator.pattern, operator.value), expected)
    assert_close(densify(operator.pattern.transpose(), operator.value), expected.t())
    x = torch.rand(num_nodes, 3, dtype=torch.float64)
    assert_close(operator @ x, expected @ x)


def test_a_given_loop_keeps_its_weight_and_of_several_the_last():
    edge_index = torch.tensor([[0, 1, 1, 1], [0, 1, 1, 0]])
    weight = torch.tensor([3.0, 5.0, 7.0, 1.0])
    operator = make(edge_index, 3, weight).normalize(fill_value=9.0)
    matrix = densify(operator.pattern, operator.value)
    scale = torch.tensor([4.0, 7.0, 9.0]).rsqrt()
    expected = torch.tensor([[3.0, 1, 0], [0, 7, 0], [0, 0, 9]]) * scale.outer(scale)
    assert_close(matrix, expected.double())


def test_degrees_that_are_not_positive_give_rows_of_zeros():
    edge_index = both_ways([(0, 1), (1, 2)])
    weight = torch.tensor([1.0, 1.0, -2.0, 1.0], requires_grad=True)
    adj = make(edge_index, 4, weight)
    operator = adj.normalize(add_self_loops=False)
    assert operator.value.isfinite().all()
    assert not densify(operator.pattern, operator.value)[0].any()
    operator.value.sum().backward()
    assert weight.grad.isfinite().all()


@pytest.mark.parametrize('add_self_loops', [False, True])
def test_gradients_to_weights_and_soft_masks(add_self_loops):
    edge_index = torch.cat([both_ways(FIVE), torch.tensor([[2, 0, 1], [2, 1, 0]])], 1)
    generator = torch.Generator().manual_seed(0)
    weight = torch.rand(13, generator=generator, dtype=torch.float64) + 0.5
    mask = torch.rand(6, generator=generator, dtype=torch.float64)
    x = torch.rand(6, 2, generator=generator, dtype=torch.float64)
    adj = make(edge_index, 6)  # node 5 is isolated, 0-1 is there twice

    def run(weight, mask, x):
        weighted = adj.with_weight(weight).with_mask(mask)
        return weighted.normalize(add_self_loops, dtype=torch.float64) @ x

    inputs = [t.requires_grad_() for t in (weight, mask, x)]
    assert torch.autograd.gradcheck(run, inputs)
    assert torch.autograd.gradgradcheck(run, inputs, fast_mode=True)

    soft = torch.ones(13, dtype=torch.float64).index_copy(
        0, adj.edge_id, mask[adj.edge()]
    )
    expected = gcn_matrix(edge_index, weight * soft, 6, add_self_loops) @ x
    assert_close(run(weight, mask, x), expected)


def test_a_mask_of_zeros_and_ones_is_the_compacted_graph():
    adj = make(torch.cat([both_ways(FIVE), torch.tensor([[2], [2]])], 1), 5)
    keep = torch.tensor([True, False, True, True, False])
    soft = adj.with_mask(keep.double()).normalize(dtype=torch.float64)
    hard = adj.keep_edges(keep).normalize(dtype=torch.float64)
    assert_close(densify(soft.pattern, soft.value), densify(hard.pattern, hard.value))


def test_values_by_slot_need_no_places():
    pattern = random_pattern(7, 5, 30, perm=True)
    value = torch.arange(30.0)
    direct = in_slot_order(pattern)
    assert direct.perm is None
    by_slot = value[pattern.perm]
    assert torch.equal(densify(direct, by_slot), densify(pattern, value))
    flipped = densify(direct.transpose(), by_slot)
    assert torch.equal(flipped, densify(pattern, value).t())
    assert in_slot_order(direct) is direct
