import json

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.nn import Linear
from torch_geometric.data import Data

from graphsparse.engine import InputError, save_tensors
from graphsparse.graph import to_adjacency
from graphsparse.pruning import EdgeMask, WeightMask, zero_pruned
from graphsparse.pruning.masks import pack_bits, unpack_bits
from tests.helpers import FIVE, arcs_of, both_ways, modest

EDGES = torch.cat([both_ways(FIVE), torch.tensor([[2], [2]])], 1)
KEEP = torch.tensor([True, False, True, True, False])


@modest
@given(st.lists(st.booleans(), max_size=40))
def test_bits_come_back(values):
    mask = torch.tensor(values, dtype=torch.bool)
    packed = pack_bits(mask)
    assert packed.numel() == -(-len(values) // 8)
    assert torch.equal(unpack_bits(packed, tuple(mask.shape)), mask)


def test_bits_of_any_shape_and_stride():
    mask = (torch.arange(30).view(5, 6) % 3 == 0).t()
    assert torch.equal(unpack_bits(pack_bits(mask), (6, 5)), mask)
    one = torch.tensor(True)
    assert torch.equal(unpack_bits(pack_bits(one), ()), one)


def test_over_the_callers_edges_twins_agree_and_loops_stay():
    adj = to_adjacency(EDGES, 5)
    mask = EdgeMask.of(adj, KEEP)
    assert (mask.num_kept, mask.sparsity) == (3, 0.4)
    assert repr(mask) == 'EdgeMask(3 of 5 edges kept)'
    kept = mask.to_caller(adj)
    pairs = [pair for pair, keep in zip(FIVE, KEEP, strict=True) if keep]
    assert arcs_of(EDGES[:, kept]) == arcs_of(
        torch.cat([both_ways(pairs), torch.tensor([[2], [2]])], 1)
    )
    order = torch.randperm(11, generator=torch.Generator().manual_seed(0))
    shuffled = mask.to_caller(to_adjacency(EDGES[:, order], 5))
    assert torch.equal(shuffled, kept[order])


def test_the_graph_may_be_read_as_pairs_or_as_arcs():
    pairs = to_adjacency(EDGES, 5)
    arcs = to_adjacency(EDGES, 5, undirected=False)
    mask = EdgeMask.of(pairs, KEEP)
    assert torch.equal(mask.to_caller(arcs), mask.to_caller(pairs))
    one_way = torch.arange(10) % 2 == 0
    mask = EdgeMask.of(arcs, one_way)
    assert not mask.undirected
    assert torch.equal(mask.to_caller(pairs), mask.to_caller(arcs))
    assert not pairs.subgraph(mask.to_caller(pairs)).undirected


def test_another_graph_is_refused():
    adj = to_adjacency(EDGES, 5)
    mask = EdgeMask.of(adj, KEEP)
    for other in (to_adjacency(EDGES, 6), to_adjacency(EDGES[:, :-1], 5)):
        with pytest.raises(InputError, match='for another graph') as error:
            mask.to_caller(other)
        assert adj.digest()[:12] in str(error.value)
        assert other.digest()[:12] in str(error.value)
    with pytest.raises(InputError, match=r'the 5 edges .*shape \[4\]'):
        EdgeMask.of(adj, KEEP[:4])


@pytest.mark.parametrize('undirected', [None, False])
def test_edge_masks_come_back_from_a_file(tmp_path, undirected):
    adj = to_adjacency(EDGES, 5, undirected=undirected)
    mask = EdgeMask.of(adj, torch.arange(adj.num_edges) % 3 == 0)
    mask.save(tmp_path / 'm.safetensors')
    again = EdgeMask.load(tmp_path / 'm.safetensors')
    assert torch.equal(again.keep, mask.keep)
    assert again.facts() == mask.facts()
    assert json.loads(json.dumps(mask.facts())) == mask.facts()
    with pytest.raises(InputError, match='holds a edge_mask, not a weight_mask'):
        WeightMask.load(tmp_path / 'm.safetensors')


def test_no_edges_no_sparsity():
    adj = to_adjacency(torch.empty(2, 0, dtype=torch.int64), 3)
    mask = EdgeMask.of(adj, torch.ones(0, dtype=torch.bool))
    assert mask.sparsity == 0
    assert mask.to_caller(adj).shape == (0,)
    assert WeightMask({}).sparsity == 0


def weight_mask():
    return WeightMask({'a': torch.tensor([[True, False], [False, False]]), 'b': KEEP})


def test_masked_weights_are_exactly_zero_and_the_others_untouched():
    mask = weight_mask()
    assert (mask.num_kept, mask.num_total) == (4, 9)
    assert mask.sparsity == pytest.approx(5 / 9)
    assert repr(mask) == 'WeightMask(4 of 9 weights kept in 2 tensors)'
    weights = {
        'a': torch.full((2, 2), torch.nan),
        'b': -torch.ones(5),
        'c': torch.ones(3),
    }
    before = {name: weight.clone() for name, weight in weights.items()}
    out = mask.apply(weights)
    assert out['b'].tolist() == [-1, 0, -1, -1, 0]
    assert out['a'].nan_to_num(7).tolist() == [[7, 0], [0, 0]]
    assert out['c'] is weights['c']
    assert all(torch.equal(weights[n], before[n]) for n in 'bc')
    assert list(out) == ['a', 'b', 'c']


def test_another_model_is_refused_by_the_parameters_name():
    with pytest.raises(InputError, match=r"'b' has shape \[5\] there.*missing"):
        weight_mask().apply({'a': torch.ones(2, 2)})
    with pytest.raises(InputError, match=r"'a' has shape \[2, 2\].* \[4\]"):
        weight_mask().apply({'a': torch.ones(4), 'b': torch.ones(5)})


def test_weight_masks_come_back_from_a_file(tmp_path):
    mask = weight_mask()
    mask.save(tmp_path / 'm.safetensors')
    again = WeightMask.load(tmp_path / 'm.safetensors')
    assert list(again.keep) == ['a', 'b']
    assert all(torch.equal(again.keep[n], mask.keep[n]) for n in 'ab')
    with pytest.raises(InputError, match='holds a weight_mask, not a edge_mask'):
        EdgeMask.load(tmp_path / 'm.safetensors')
    save_tensors(tmp_path / 'other', {}, {})
    with pytest.raises(InputError, match='holds a None'):
        EdgeMask.load(tmp_path / 'other')


def test_applied_to_a_graph_in_any_order_its_edges_are_gone():
    edge_index = both_ways(FIVE)
    adj = to_adjacency(edge_index, 5)
    mask = EdgeMask.of(adj, torch.tensor([True, False, True, True, False]))
    shuffled = edge_index[:, torch.randperm(10)]
    data = Data(edge_index=shuffled, edge_attr=torch.arange(10), num_nodes=5)
    expected = both_ways([FIVE[0], FIVE[2], FIVE[3]])
    assert arcs_of(mask.apply(data).edge_index) == arcs_of(expected)
    assert mask.apply(data).edge_attr.numel() == 6 and data.num_edges == 10
    assert mask.apply(adj).num_edges == 3
    with pytest.raises(InputError, match='another graph'):
        mask.apply(to_adjacency(expected, 5))


def test_pruned_weights_are_set_to_0_in_place():
    model = Linear(3, 2)
    before, keep = model.weight.clone(), torch.eye(2, 3).bool()
    zero_pruned(model, {'weight': keep})
    assert torch.equal(model.weight, before * keep) and model.bias.any()
