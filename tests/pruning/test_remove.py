import numpy as np
import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data
from torch_geometric.transforms import RandomLinkSplit, ToSparseTensor

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import remove_edges
from tests.helpers import FIVE, both_ways

EDGES = both_ways(FIVE)
KEEP = torch.arange(10) % 5 != 4  # without 3-4: node 4 is isolated


def rich():
    return Data(
        x=torch.rand(5, 3),
        edge_index=EDGES,
        edge_attr=torch.rand(10, 2),
        edge_weight=torch.rand(10),
        edge_names=list('abcdefghij'),
        edge_numbers=np.arange(10),
        y=torch.arange(5),
        train_mask=torch.ones(5, dtype=torch.bool),
        edge_label=torch.arange(10),
        edge_label_index=EDGES.flip(1),
        title='ten arcs',
        total=torch.tensor(10),
    )


def test_edge_attributes_follow_and_the_rest_stays():
    data = rich()
    out = remove_edges(data, KEEP)
    assert torch.equal(out.edge_index, EDGES[:, KEEP])
    assert torch.equal(out.edge_attr, data.edge_attr[KEEP])
    assert torch.equal(out.edge_weight, data.edge_weight[KEEP])
    assert out.edge_names == list('abcdfghi')
    assert out.edge_numbers.tolist() == [0, 1, 2, 3, 5, 6, 7, 8]
    for key in ('x', 'y', 'train_mask', 'edge_label', 'edge_label_index', 'total'):
        assert out[key] is data[key]
    assert out.keys() == data.keys()
    assert out.num_nodes == 5


def test_the_input_is_never_changed():
    data = rich()
    before = {key: value for key, value in data}
    copies = data.clone()
    out = remove_edges(data, KEEP)
    assert {key: value for key, value in data}.keys() == before.keys()
    assert all(data[key] is value for key, value in before.items())
    assert torch.equal(data.edge_attr, copies.edge_attr)
    out.x = None
    assert data.x is not None
    assert data.num_edges == 10


def test_nodes_stay_where_only_edges_told_of_them():
    data = Data(edge_index=EDGES)
    with pytest.warns(UserWarning, match='num_nodes'):
        assert remove_edges(data, KEEP).num_nodes == 5
    assert 'num_nodes' not in data
    assert remove_edges(Data(edge_index=EDGES, num_nodes=7), KEEP).num_nodes == 7


def test_as_many_edges_as_nodes():
    data = Data(
        x=torch.rand(10, 3),
        edge_index=EDGES,
        edge_attr=torch.rand(10, 2),
        y=torch.arange(10),
        n_id=torch.arange(10),
        e_id=torch.arange(10) + 100,
    )
    out = remove_edges(data, KEEP)
    assert out.x is data.x
    assert out.y is data.y
    assert out.n_id is data.n_id
    assert torch.equal(out.edge_attr, data.edge_attr[KEEP])
    assert torch.equal(out.e_id, data.e_id[KEEP])


@pytest.mark.parametrize('split_labels', [False, True])
def test_targets_of_link_prediction_are_not_messages(split_labels):
    data = Data(edge_index=EDGES, num_nodes=5)
    split = RandomLinkSplit(0.2, 0.2, split_labels=split_labels, is_undirected=False)
    train, _, _ = split(data)
    mask = torch.arange(train.num_edges) % 2 == 0
    out = remove_edges(train, mask)
    labels = [key for key in train.keys() if 'label' in key]  # noqa: SIM118
    assert len(labels) >= 2
    assert all(out[key] is train[key] for key in labels)
    assert out.num_edges == int(mask.sum())


def test_batches_still_come_apart():
    graphs = [rich(), rich(), rich()]
    batch = Batch.from_data_list(graphs)
    keep = torch.cat([KEEP, ~KEEP, KEEP])
    parts = remove_edges(batch, keep).to_data_list()
    for part, graph, mask in zip(parts, graphs, (KEEP, ~KEEP, KEEP), strict=True):
        assert torch.equal(part.edge_index, EDGES[:, mask])
        assert torch.equal(part.edge_attr, graph.edge_attr[mask])
        assert torch.equal(part.x, graph.x)
    assert all(
        torch.equal(a.edge_attr, b.edge_attr)
        for a, b in zip(batch.to_data_list(), graphs, strict=True)
    )


def test_an_edge_index_that_knows_itself_undirected():
    ends, order = EdgeIndex(EDGES, sparse_size=(5, 5)).sort_by('row')
    ends = EdgeIndex(ends.as_tensor(), sparse_size=(5, 5), is_undirected=True)
    out = remove_edges(Data(edge_index=ends, num_nodes=5), KEEP[order])
    assert torch.equal(
        torch.as_tensor(out.edge_index), ends.as_tensor()[:, KEEP[order]]
    )
    one_way = torch.arange(10) > 0
    cut = remove_edges(Data(edge_index=ends, num_nodes=5), one_way).edge_index
    assert not getattr(cut, 'is_undirected', False)


def test_other_forms_of_the_edges_are_refused():
    for adj_t in (EDGES, torch.eye(5).to_sparse()):
        with pytest.raises(InputError, match='holds adj_t'):
            remove_edges(Data(edge_index=EDGES, adj_t=adj_t, num_nodes=5), KEEP)
    only = ToSparseTensor()(Data(edge_index=EDGES, num_nodes=5))
    with pytest.raises(InputError, match='adj_t'):
        remove_edges(only, KEEP)


@pytest.mark.parametrize(
    ('mask', 'found'),
    [
        (KEEP[:9], r'the 10 edges .*bool of shape \[9\]'),
        (KEEP.nonzero().squeeze(1), r'int64 of shape \[8\]'),
    ],
)
def test_wrong_masks_are_named(mask, found):
    with pytest.raises(InputError, match=found):
        remove_edges(Data(edge_index=EDGES, num_nodes=5), mask)


def test_an_adjacency_in_a_data_is_cut_by_itself():
    data = Data(x=torch.ones(5, 1), edge_index=to_adjacency(EDGES, 5))
    with pytest.raises(InputError, match='keep_edges'):
        remove_edges(data, KEEP)
