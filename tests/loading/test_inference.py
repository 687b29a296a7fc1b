import numpy as np
import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse import nn
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.loading import infer_layerwise
from graphsparse.loading import inference as module

MODELS = {
    'gcn': nn.GCN(8, 3, 16, num_layers=3),
    'sage': nn.SAGE(8, 3, 16, num_layers=3),
    'gat': nn.GAT(8, 3, 4, num_layers=3, heads=2),
    'gin': nn.GIN(8, 3, 16, num_layers=3),
    'pyg_gcn': pyg.GCN(8, 16, 3, 3, norm='batch_norm'),
    'pyg_sage': pyg.GraphSAGE(8, 16, 2, 3, act='elu', act_first=True),
    'pyg_gat': pyg.GAT(8, 16, 3, 3, heads=4),
    'pyg_gin': pyg.GIN(8, 16, 2, 3, norm='batch_norm'),
}


def full(model, data):
    with torch.no_grad():
        return model.eval()(data.x, data.edge_index)


@pytest.mark.parametrize('batch_size', [1, 7, 1000])
@pytest.mark.parametrize('name', MODELS)
def test_equal_to_the_full_forward(data, name, batch_size):
    expected = full(MODELS[name], data)
    assert expected.std() > 1e-3
    MODELS[name].train()
    out = infer_layerwise(MODELS[name], data.x, data, batch_size)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    assert MODELS[name].training and not out.requires_grad


@pytest.mark.parametrize('name', ['gcn', 'pyg_gcn'])
def test_weights(data, name):
    data.edge_weight = torch.rand(data.num_edges) + 0.5
    with torch.no_grad():
        expected = MODELS[name].eval()(data.x, data.edge_index, data.edge_weight)
    out = infer_layerwise(MODELS[name], data.x, data, 9)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)


def test_a_directed_graph(data):
    data.edge_index = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    for name in ('gcn', 'sage', 'gat', 'gin'):
        expected = full(MODELS[name], data)
        out = infer_layerwise(MODELS[name], data.x, data.edge_index, 11)
        torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)


def test_features_and_layers_on_disk(data, tmp_path):
    np.save(tmp_path / 'x.npy', data.x.numpy())
    x = np.load(tmp_path / 'x.npy', mmap_mode='r')
    folder = tmp_path / 'layers'
    out = infer_layerwise(MODELS['sage'], x, data, 7, folder)
    expected = full(MODELS['sage'], data)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)
    assert [path.name for path in folder.iterdir()] == ['out.npy']
    kept = np.load(folder / 'out.npy', mmap_mode='r')
    assert np.array_equal(kept, out.numpy())


def test_functions_of_your_own(data):
    first, last = pyg.GATConv(8, 4, heads=3), nn.SAGEConv(12, 5)
    adj = to_adjacency(data)

    def attend(x, block):
        assert x.size(0) == block.num_nodes
        return first(x, block.to_edge_index()).tanh()[: block.num_targets]

    with torch.no_grad():
        expected = last(first(data.x, data.edge_index).tanh(), data.edge_index)
    out = infer_layerwise([attend, last], data.x, adj, 8)
    torch.testing.assert_close(out, expected, rtol=1e-5, atol=1e-5)


def test_a_block_at_a_time(data, monkeypatch):
    sizes = []
    gather = module._gather

    def count(x, node):
        sizes.append(node.numel())
        return gather(x, node)

    monkeypatch.setattr(module, '_gather', count)
    infer_layerwise(MODELS['sage'], data.x, data, 1)
    assert len(sizes) == 3 * 60
    assert max(sizes) <= data.edge_index[1].bincount().max() + 1


class Doubled(nn.GCN):
    def forward(self, x, edge_index, edge_weight=None):
        return 2 * super().forward(x, edge_index, edge_weight)


@pytest.mark.parametrize(
    'model',
    [
        nn.JKNet(8, 3),
        nn.SGC(8, 3),
        Doubled(8, 3),
        pyg.GCN(8, 16, 2, 3, jk='cat'),
        pyg.GCN(8, 16, 2, 3, norm='pair_norm'),
        pyg.PNA(
            8, 16, 2, 3, aggregators=['mean'], scalers=['identity'], deg=torch.ones(3)
        ),
        torch.nn.Linear(8, 3),
        [],
        [3],
    ],
    ids=lambda model: type(model).__name__,
)
def test_what_is_no_sequence(data, model):
    with pytest.raises(InputError, match='no sequence of layers'):
        infer_layerwise(model, data.x, data)


def test_normalisation_that_runs_in_pyg(data):
    model = nn.GCN(8, 3)
    model.convs[0].explain = True
    with pytest.raises(InputError, match='explain=True runs PyG'):
        infer_layerwise(model, data.x, data)


def test_bad_input(data):
    with pytest.raises(InputError, match=r'60 nodes, features.*59, 8'):
        infer_layerwise(MODELS['gcn'], data.x[:59], data)
    with pytest.raises(InputError, match=r'60 nodes, features.*\[60\]'):
        infer_layerwise(MODELS['gcn'], data.x[:, 0], data)
    with pytest.raises(InputError, match=r'batch_size.*got 0'):
        infer_layerwise(MODELS['gcn'], data.x, data, 0)
