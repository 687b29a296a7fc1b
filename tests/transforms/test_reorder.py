import copy
import pickle

import numpy as np
import pytest
import torch
import torch_geometric.transforms as T
from hypothesis import given
from hypothesis import strategies as st
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric.data import Batch, Data, HeteroData

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.nn import GCNConv
from graphsparse.transforms import Reorder, Sparsify
from tests.helpers import FIVE, both_ways, graphs, modest

NONE = torch.empty(2, 0, dtype=torch.int64)
ORDERS = ['rcm', 'degree', 'partition']


def everything(edge_index, num_nodes, seed=0):
    """A ``Data`` with all that follows nodes, edges or neither."""
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(edge_index.size(1), generator=generator)
    edge_index = edge_index[:, order]
    num_edges = edge_index.size(1)
    names = [f'node {i}' for i in range(num_nodes)]
    return Data(
        x=torch.randn(num_nodes, 3, generator=generator),
        y=torch.arange(num_nodes),
        train_mask=torch.rand(num_nodes, generator=generator) < 0.5,
        edge_index=edge_index,
        edge_attr=torch.arange(num_edges * 2.0).view(-1, 2),
        edge_weight=torch.rand(num_edges, generator=generator),
        edge_label_index=edge_index[:, : num_edges // 2].flip(0),
        edge_label=torch.arange(num_edges // 2),
        names=names,
        area=np.arange(float(num_nodes)),
        width=np.arange(float(num_edges)),
        scale=torch.tensor(3.0),
        note='a graph',
    )


def assert_same(a, b):
    assert list(a.keys()) == list(b.keys())
    for key in a.keys():  # noqa: SIM118
        if isinstance(a[key], torch.Tensor | np.ndarray):
            assert a[key].dtype == b[key].dtype
            assert np.array_equal(a[key], b[key]), key
        else:
            assert a[key] == b[key], key


def by_name(data):
    """The labelled graph, whatever its numbers."""
    names = data.names
    arcs = [(names[u], names[v]) for u, v in data.edge_index.t().tolist()]
    labels = [(names[u], names[v]) for u, v in data.edge_label_index.t().tolist()]
    rows = zip(arcs, data.edge_attr.tolist(), data.edge_weight.tolist(), strict=True)
    nodes = zip(names, data.x.tolist(), data.y.tolist(), data.area, strict=True)
    return sorted(rows), labels, sorted(nodes)


@pytest.mark.parametrize('order', ORDERS)
def test_the_same_graph_in_another_order_and_back(order):
    data = everything(both_ways([*FIVE, (2, 4), (0, 1), (3, 3)]), 7)
    before = copy.deepcopy(data)
    options = {'num_parts': 3} if order == 'partition' else {}
    out = Reorder(order, **options)(data)
    assert_same(data, before)  # never changed
    assert by_name(out) == by_name(data)
    assert out.names == [data.names[i] for i in out.node_perm]
    assert torch.equal(out.edge_attr, data.edge_attr[out.edge_perm])
    assert torch.equal(torch.as_tensor(out.width), out.edge_perm.double())
    assert torch.equal(out.edge_label, data.edge_label)
    key = out.edge_index[1] * 7 + out.edge_index[0]
    assert torch.equal(key, key.sort().values)
    assert_same(Reorder.undo(out), data)
    assert torch.equal(Reorder.restore(out.x, out), data.x)


@modest
@given(graphs(), st.sampled_from(['rcm', 'degree']))
def test_round_trip(graph, order):
    edge_index, num_nodes = graph
    data = everything(edge_index, num_nodes)
    data.num_nodes = num_nodes
    out = Reorder(order)(data)
    assert by_name(out) == by_name(data)
    assert_same(Reorder.undo(out), data)


def test_as_many_edges_as_nodes():
    data = everything(both_ways([(0, 1), (2, 1), (3, 1), (4, 1)]), 8)
    out = Reorder('degree')(data)
    assert out.node_perm[0] == 1
    assert_same(Reorder.undo(out), data)


def test_nodes_that_only_the_edges_tell():
    data = Data(edge_index=both_ways([(0, 4), (4, 2)]))
    out = Reorder('degree')(data)
    assert out.num_nodes == 5
    assert out.edge_index.max() == 2
    assert_same(Reorder.undo(out), data)


def test_twice_is_undone_at_once():
    data = everything(both_ways(FIVE), 5)
    out = Reorder('degree')(Reorder('rcm')(data))
    assert_same(Reorder.undo(out), data)
    assert torch.equal(Reorder.restore(out.y, out), data.y)


def test_edges_that_went_in_between():
    data = everything(both_ways(FIVE), 5)
    kept = Reorder.undo(Sparsify('degree', keep=2)(Reorder()(data)))
    alone = Sparsify('degree', keep=2)(data)
    assert torch.equal(kept.edge_index, alone.edge_index)
    assert torch.equal(kept.edge_attr, alone.edge_attr)


@pytest.mark.parametrize('order', ORDERS)
def test_a_model_gives_every_node_what_it_gave(order):
    data = csbm(300, num_classes=3, degree=6.0, seed=1)
    conv = GCNConv(data.num_features, 4)
    out = Reorder(order)(data)
    found = conv(out.x, out.edge_index)
    found = Reorder.restore(found, out)
    assert_close(found, conv(data.x, data.edge_index), rtol=0, atol=1e-5)
    found.sum().backward()
    assert torch.equal(Reorder.restore(out.y, out), data.y)


def test_in_pyg_and_its_repr():
    data = everything(both_ways(FIVE), 5)
    transform = T.Compose(
        [T.NormalizeFeatures(), Reorder('partition', num_parts=2, seed=3)]
    )
    assert repr(transform.transforms[1]) == (
        'Reorder(PartitionOrder(num_parts=2, seed=3))'
    )
    assert repr(pickle.loads(pickle.dumps(Reorder()))) == 'Reorder(RcmOrder())'
    assert 'node_perm' in transform(data)
    typed = Data(x=data.x, edge_index=EdgeIndex(data.edge_index, sparse_size=(5, 5)))
    assert torch.equal(Reorder()(typed).edge_index, Reorder()(data).edge_index)


def test_what_cannot_be_reordered():
    data = everything(both_ways(FIVE), 5)
    for other in (HeteroData(), Batch.from_data_list([data])):
        with pytest.raises(InputError, match=type(other).__name__[:5]):
            Reorder()(other)
    with pytest.raises(InputError, match='adj_t'):
        Reorder()(T.ToSparseTensor(remove_edge_index=False)(Data(**data.to_dict())))
    data.face = torch.tensor([[0], [1], [9]])
    with pytest.raises(InputError, match=r'data\.face names nodes from 0 to 9'):
        Reorder()(data)
    with pytest.raises(InputError, match=r"'rmc'.*Did you mean 'rcm'"):
        Reorder('rmc')
    with pytest.raises(InputError, match='num_parts'):
        Reorder('rcm', num_parts=3)


def test_what_cannot_be_undone():
    data = everything(both_ways(FIVE), 5)
    out = Reorder()(data)
    perms = {'node_perm': out.node_perm, 'edge_perm': out.edge_perm}
    with pytest.raises(InputError, match='holds no node_perm'):
        Reorder.undo(data)
    with pytest.raises(InputError, match='is this a part'):
        Reorder.undo(Data(edge_index=NONE, num_nodes=2, node_perm=torch.tensor([0, 2])))
    with pytest.raises(InputError, match='edges were added'):
        Reorder.undo(T.AddSelfLoops()(Data(edge_index=out.edge_index, **perms)))
    with pytest.raises(InputError, match=r'5 nodes is put back \(got shape \[4, 2\]\)'):
        Reorder.restore(torch.ones(4, 2), out)
