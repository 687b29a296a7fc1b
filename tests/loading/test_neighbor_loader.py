import copy

import numpy as np
import pytest
import torch
from torch_geometric.data import Data
from torch_geometric.nn import GCNConv, SAGEConv
from torch_geometric.transforms import GCNNorm
from torch_geometric.utils import trim_to_layer

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.loading import NeighborLoader, NeighborSampler
from graphsparse.pruning.remove import remove_edges
from tests.loading.conftest import check_follow, check_streams, same


def make(data, num_neighbors=(2, 3), **options):
    options = {'batch_size': 16, 'shuffle': True, 'seed': 3} | options
    return NeighborLoader(data, list(num_neighbors), **options)


def test_the_same_batches_whatever_the_workers(data):
    check_streams(lambda **options: make(data, **options))


def test_workers_that_are_spawned(data):
    spawned = make(data, num_workers=1, multiprocessing_context='spawn')
    assert all(map(same, make(data), spawned))


@pytest.mark.parametrize('filter_per_worker', [False, True])
def test_batches(data, filter_per_worker):
    mask = data.y == 1
    loader = make(data, input_nodes=mask, filter_per_worker=filter_per_worker)
    seen = []
    for batch in loader:
        check_follow(batch, data)
        assert torch.equal(batch.n_id[: batch.batch_size], batch.input_id)
        assert sum(batch.num_sampled_nodes) == batch.num_nodes
        assert sum(batch.num_sampled_edges) == batch.num_edges
        assert batch.edge_index[1].bincount().max() <= 3
        seen.append(batch.input_id)
    assert torch.equal(torch.cat(seen).sort().values, mask.nonzero().squeeze(1))


def test_input_ids_are_places(data):
    loader = make(data, input_nodes=torch.tensor([40, 7, 40]), shuffle=False)
    (batch,) = loader
    assert batch.input_id.tolist() == [0, 1, 2]
    assert batch.n_id[:3].tolist() == [40, 7, 40]


def run(convs, batch, *weight):
    x = batch.x
    for conv in convs:
        x = conv(x, batch.edge_index, *weight).relu()
    return x


def test_full_fanout_is_the_full_graph(data):
    torch.manual_seed(0)
    sage = [SAGEConv(8, 8), SAGEConv(8, 4)]
    gcn = [GCNConv(8, 8, normalize=False), GCNConv(8, 4, normalize=False)]
    data = GCNNorm()(data)
    plain = [GCNConv(8, 8), GCNConv(8, 4)]
    for one, other in zip(plain, gcn, strict=True):
        one.load_state_dict(other.state_dict())
    full_sage, full_gcn = run(sage, data), run(gcn, data, data.edge_weight)
    del data.edge_attr
    for batch in make(data, [-1, -1]):
        targets = batch.n_id[: batch.batch_size]
        out = run(sage, batch)[: batch.batch_size]
        torch.testing.assert_close(out, full_sage[targets])
        out = run(gcn, batch, batch.edge_weight)[: batch.batch_size]
        torch.testing.assert_close(out, full_gcn[targets])


def test_layers_can_be_trimmed(data):
    torch.manual_seed(0)
    convs = [SAGEConv(8, 8), SAGEConv(8, 4)]
    for batch in make(data):
        whole = run(convs, batch)[: batch.batch_size]
        x, edge_index = batch.x, batch.edge_index
        for layer, conv in enumerate(convs):
            x, edge_index, _ = trim_to_layer(
                layer, batch.num_sampled_nodes, batch.num_sampled_edges, x, edge_index
            )
            x = conv(x, edge_index).relu()
        torch.testing.assert_close(x[: batch.batch_size], whole)


def test_removed_edges_are_never_drawn(data):
    smaller = remove_edges(data, data.edge_attr % 3 > 0)
    drawn = torch.cat([batch.edge_attr for batch in make(smaller, [-1])])
    assert drawn.sort().values.tolist() == smaller.edge_attr.sort().values.tolist()


def test_a_batch_larger_than_the_graph(data):
    (batch,) = make(data, [-1], batch_size=1000)
    assert batch.batch_size == batch.num_nodes == 60
    assert batch.num_edges == data.num_edges


def test_a_graph_without_features(data):
    del data.x, data.num_nodes
    data.y = None
    data.edge_index[data.edge_index > 40] = 40
    for batch in make(data, [1]):
        assert batch.num_nodes == batch.n_id.numel()


def test_features_on_disk(data, tmp_path):
    x = data.x
    np.save(tmp_path / 'x.npy', x.numpy())
    data.x = np.load(tmp_path / 'x.npy', mmap_mode='r')
    for batch in make(data):
        assert torch.equal(batch.x, x[batch.n_id])


def test_what_pyg_calls_a_batch(data):
    loader = make(data, [2], transform=lambda batch: batch.num_nodes)
    assert all(isinstance(batch, int) for batch in loader)
    batch = make(data, [2])(torch.tensor([3, 4]))
    assert batch.n_id[:2].tolist() == [3, 4]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'num_neighbors': [0]}, 'got 0 in'),
        ({'input_nodes': torch.tensor([3, 60])}, 'names node 60'),
        ({'input_nodes': torch.tensor([-1])}, 'names node -1'),
        ({'input_nodes': torch.tensor([], dtype=torch.int64)}, 'is empty'),
        ({'input_nodes': torch.zeros(60, dtype=torch.bool)}, 'is empty'),
        ({'input_nodes': torch.ones(59, dtype=torch.bool)}, 'each of the 60 nodes'),
        ({'input_nodes': torch.tensor([0.5])}, 'float32'),
        ({'batch_size': 0}, 'got 0'),
        ({'disjoint': True}, 'disjoint=True'),
        ({'subgraph_type': 'induced'}, "subgraph_type='induced'"),
        ({'time_attr': 'time'}, "time_attr='time'"),
    ],
)
def test_bad_input(data, options, message):
    with pytest.raises(InputError, match=message):
        make(data, **options)


def test_in_lightning(data):
    pytest.importorskip('pytorch_lightning')
    from torch_geometric.data.lightning import LightningNodeData

    module = LightningNodeData(
        data, data.y == 0, node_sampler=NeighborSampler(data, [2]), batch_size=8
    )
    for batch in module.train_dataloader():
        check_follow(batch, data)


def test_an_adjacency_stands_for_the_edge_list(data):
    listed = copy.copy(data)
    adj = to_adjacency(data)
    data.edge_index = adj
    assert all(map(same, make(listed), make(data)))
    for batch in make(data, num_workers=1):
        check_follow(batch, listed)
    no_x = Data(edge_index=adj)
    assert next(iter(make(no_x))).num_nodes > 16
    data.x = data.x[1:]
    with pytest.raises(InputError, match='59 rows, but num_nodes is 60'):
        make(data)
