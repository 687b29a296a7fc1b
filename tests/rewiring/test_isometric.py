import math
import time

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric import nn as pyg
from torch_geometric.data import Data
from torch_geometric.transforms import NormalizeFeatures

from graphsparse.engine import InputError
from graphsparse.graph import Operator, to_adjacency
from graphsparse.nn import GAT, GCN, GIN, SAGE
from graphsparse.rewiring import initialise, isometric, isometric_bound
from tests.helpers import FIVE, both_ways, dense_adjacency, graphs, modest

GRAPH_MODES = ('pairwise', 'pairwise_relu', 'frobenius', 'frobenius_relu', 'code')
MODES = (*GRAPH_MODES, 'default', 'glorot')


def dense_operator(edge_index, num_nodes):
    """GCN's matrix by numpy, parallel arcs summed, a given loop once."""
    source, target = edge_index
    arcs = edge_index[:, source != target]
    a = dense_adjacency(arcs, torch.ones(arcs.size(1)), num_nodes).numpy()
    a = a + np.eye(num_nodes)
    d = a.sum(1) ** -0.5
    return d[:, None] * a * d


# code; pairwise at widths 64 and 256; N^2 / T; ||A||_F^2; mean row sum
TABLE = {
    'cora': (0.29989695, 0.23401988, 0.11700994, 1.16832650, 619.186278, 0.92516221),
    'citeseer': (
        *(0.29485774, 0.22598323, 0.11299161),
        *(1.08945962, 1076.810318, 0.95806380),
    ),
    'pubmed': (
        *(0.31559949, 0.26104714, 0.13052357),
        *(1.45377302, 4260.413413, 0.82937645),
    ),
}


@pytest.mark.parametrize('name', TABLE)
def test_bounds_on_the_citation_graphs(real, name):
    try:
        adj = to_adjacency(real(name))
    except InputError as error:
        pytest.skip(str(error))
    code, narrow, wide, variance, squares, mean = TABLE[name]
    moments = isometric.operator_moments(adj)
    n = adj.num_nodes
    assert moments.total / n == pytest.approx(mean, abs=1e-8)
    assert moments.squares == pytest.approx(squares, abs=1e-6)
    for width in (64, 256):
        assert isometric_bound('code', adj, 1433, width) == pytest.approx(
            code, abs=1e-6
        )
    assert isometric_bound('pairwise', adj, 9, 64) == pytest.approx(narrow, abs=1e-6)
    assert isometric_bound('pairwise', adj, 9, 256) == pytest.approx(wide, abs=1e-6)
    r = isometric_bound('pairwise_relu', adj, 9, 64)
    assert 64 * r**2 / 3 == pytest.approx(2 * variance, abs=1e-6)
    r = isometric_bound('frobenius', adj, 9, 64)
    assert 64 * r**2 / 3 == pytest.approx(n / squares, abs=1e-6)
    r = isometric_bound('frobenius_relu', adj, 9, 64)
    assert 64 * r**2 / 3 == pytest.approx(2 * n / squares, abs=1e-6)


@modest
@given(graphs(), st.integers(1, 9), st.integers(1, 9))
def test_bounds_by_the_dense_matrix(graph, c_in, c_out):
    edge_index, n = graph
    if n == 0:
        return
    a = dense_operator(edge_index, n)
    total, norm = a.sum(), np.linalg.norm(a)
    wanted = {
        'pairwise': math.sqrt(3 / c_out) * n / total,
        'pairwise_relu': math.sqrt(6 / c_out) * n / total,
        'frobenius': math.sqrt(3 * n / c_out) / norm,
        'frobenius_relu': math.sqrt(6 * n / c_out) / norm,
        'code': n / (math.sqrt(3) * (a.sum(1) + 1).sum()),
        'default': c_out**-0.5,
        'glorot': math.sqrt(6 / (c_in + c_out)),
    }
    adj = to_adjacency(edge_index, n)
    for mode in MODES:
        found = isometric_bound(mode, adj, c_in, c_out)
        assert found == pytest.approx(wanted[mode], rel=1e-12)


def test_regular_graphs_are_as_empty_ones():
    ring = both_ways([(i, (i + 1) % 6) for i in range(6)])
    empty = torch.empty(2, 0, dtype=torch.int64)
    for graph in (ring, empty):
        adj = to_adjacency(graph, 6)
        code = isometric_bound('code', adj, 5, 7)
        assert code == pytest.approx(1 / (2 * math.sqrt(3)), abs=1e-12)
        pairwise = isometric_bound('pairwise', adj, 5, 7)
        assert pairwise == pytest.approx(math.sqrt(3 / 7), abs=1e-12)


def test_pairwise_keeps_inner_products_in_expectation():
    edge_index, n, width = both_ways(FIVE), 5, 4
    a = torch.as_tensor(dense_operator(edge_index, n))
    h = torch.ones(n, width, dtype=torch.float64)
    adj, ratios = to_adjacency(edge_index, n), []
    for seed in range(200):
        conv = initialise(pyg.GCNConv(width, 8), adj, 'pairwise', seed)
        z = a @ h @ conv.lin.weight.detach().double().t()
        ratios.append(float(z.sum(0).square().sum() / h.sum(0).square().sum()))
    error = np.std(ratios, ddof=1) / math.sqrt(len(ratios))
    assert abs(np.mean(ratios) - 1) < 3 * error


def test_names_of_nodes_do_not_matter():
    edge_index = both_ways(FIVE)
    order = torch.tensor([3, 0, 4, 1, 2])
    for mode in GRAPH_MODES:
        bounds = [
            isometric_bound(mode, to_adjacency(g, 5), 3, 4)
            for g in (edge_index, order[edge_index])
        ]
        assert bounds[0] == pytest.approx(bounds[1], rel=1e-12)


def test_sums_are_made_once_a_graph(monkeypatch):
    calls, make = [], isometric.gcn_operator
    monkeypatch.setattr(
        isometric, 'gcn_operator', lambda *args: calls.append(1) or make(*args)
    )
    adj = to_adjacency(both_ways(FIVE), 5)
    initialise(GCN(3, 2, 4, num_layers=5), adj)
    isometric_bound('frobenius', adj, 3, 4)
    assert len(calls) == 1


def test_weights_of_edges_count():
    edge_index = both_ways(FIVE)
    weight = torch.tensor([1.0, 2, 3, 4, 5]).repeat(2)
    a = dense_adjacency(edge_index, weight, 5).numpy() + np.eye(5)
    d = a.sum(1) ** -0.5
    total = (d[:, None] * a * d).sum()
    data = Data(edge_index=edge_index, edge_weight=weight, num_nodes=5)
    wanted = math.sqrt(3 / 4) * 5 / total
    assert isometric_bound('pairwise', data, 3, 4) == pytest.approx(wanted, rel=1e-6)


def test_operators_of_your_own():
    adj = to_adjacency(both_ways(FIVE), 5)
    operator = adj.normalize()
    for mode in GRAPH_MODES:
        wanted = isometric_bound(mode, adj, 3, 4)
        assert isometric_bound(mode, operator, 3, 4) == pytest.approx(wanted, rel=1e-6)
    for mode in ('pairwise', 'pairwise_relu', 'code'):
        found = isometric_bound(mode, lambda v: operator @ v, 3, 4, num_nodes=5)
        assert found == pytest.approx(isometric_bound(mode, adj, 3, 4), rel=1e-6)
    twice = isometric_bound('pairwise', lambda v: 2 * v, 3, 4, num_nodes=5)
    assert twice == pytest.approx(math.sqrt(3 / 4) / 2)


def test_values_of_an_operator_may_stand_in_another_order():
    # 0 -> 1 twice: one entry of the matrix, 3 + 4; the loop at 0 comes first by slot.
    adj = to_adjacency(torch.tensor([[0, 0, 1], [1, 1, 0]]), 2)
    operator = Operator(adj.pattern('all'), torch.tensor([2.0, 3, 4, 5, 6]))
    assert operator.pattern.perm is not None
    dense = torch.tensor([[5.0, 2], [7, 6]])
    assert torch.equal(operator @ torch.eye(2), dense)
    moments = isometric.operator_moments(operator)
    assert moments == (2, 20.0, float(dense.square().sum()))


def test_a_ring_of_a_million_nodes():
    n = 10**6
    node = torch.arange(n)
    following = (node + 1) % n
    ends = torch.stack([torch.cat([node, following]), torch.cat([following, node])])
    start = time.perf_counter()
    bound = isometric_bound('pairwise', ends, 64, 64, num_nodes=n)
    assert bound == pytest.approx(math.sqrt(3 / 64), rel=1e-9)
    assert time.perf_counter() - start < 60  # an N x N matrix would be 4 TB


def test_code_keeps_the_signal_of_a_deep_net(real):
    data = NormalizeFeatures()(real('cora'))
    adj = to_adjacency(data)
    net = GCN(data.num_features, 7, 64, num_layers=32).eval()
    logs = []
    for seed in range(20):
        model, x, rms = initialise(net, adj, 'code', seed), data.x, []
        with torch.no_grad():
            for conv in model.convs[:4]:
                z = conv(x, adj)
                rms.append(float(z.square().mean().sqrt()))
                x = z.relu()
        logs.append(np.log(rms))
    found = np.exp(np.mean(logs, axis=0))[[0, 1, 3]]
    np.testing.assert_allclose(found, [2.7e-2, 2.3e-2, 2.0e-2], rtol=0.1)


NETS = {
    'gcn': lambda: GCN(6, 3, 8, 3),
    'gat': lambda: GAT(6, 3, 8, 3, heads=2),
    'sage': lambda: SAGE(6, 3, 8, 3),
    'gin': lambda: GIN(6, 3, 8, 3),
    'pyg_gcn': lambda: pyg.GCN(6, 8, 3, 3),
    'pyg_gat': lambda: pyg.GAT(6, 8, 3, 3, heads=2),
    'pyg_sage': lambda: pyg.GraphSAGE(6, 8, 3, 3),
    'pyg_gin': lambda: pyg.GIN(6, 8, 3, 3, norm='batch_norm'),
}


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('name', NETS)
def test_every_matrix_of_every_conv_fills_its_bound(name, mode):
    model, adj = NETS[name](), to_adjacency(both_ways(FIVE), 5)
    before = {key: value.clone() for key, value in model.state_dict().items()}
    drawn = initialise(model, adj, mode, seed=3)
    for key, p in drawn.named_parameters():
        attention = p.dim() == 3
        if key.startswith('read_out') or 'norm' in key:
            assert torch.equal(p, before[key])
        elif p.dim() == 2 or (attention and mode == 'code'):
            ends = (1, 1) if attention else (p.size(1), p.size(0))
            r = isometric_bound(mode, adj, *ends)
            assert not torch.equal(p, before[key])
            assert 0.7 * r < float(p.detach().abs().max()) <= r
        elif key.endswith('bias'):
            assert (p == 0).all()
        else:
            assert torch.equal(p, before[key])
    state = model.state_dict()
    assert all(torch.equal(state[key], value) for key, value in before.items())


def test_same_seed_same_bits_whatever_the_model_was():
    adj = to_adjacency(both_ways(FIVE), 5)
    first, second, other = (
        initialise(GCN(6, 3, 8, 3), adj, seed=seed).state_dict() for seed in (1, 1, 2)
    )
    assert all(torch.equal(first[key], second[key]) for key in first)
    assert not any(torch.equal(first[key], other[key]) for key in first)
    hidden = initialise(GCN(8, 8, 8, 3), adj).state_dict()
    assert not torch.equal(hidden['convs.0.lin.weight'], hidden['convs.1.lin.weight'])


def test_biases_of_the_released_code():
    adj = to_adjacency(both_ways(FIVE), 5)
    drawn = initialise(pyg.GCN(6, 32, 2, 3), adj, 'code', zero_bias=False)
    r = isometric_bound('code', adj, 1, 1)
    bias = drawn.convs[0].bias.detach()
    assert 0.7 * r < float(bias.abs().max()) <= r and bias.min() < 0 < bias.max()


def test_what_cannot_be():
    adj = to_adjacency(both_ways(FIVE), 5)
    with pytest.raises(InputError, match="Unknown mode of initialisation 'cod'"):
        isometric_bound('cod', adj, 3, 4)
    with pytest.raises(InputError, match="Unknown mode of initialisation 'cod'"):
        initialise(GCN(3, 2), adj, 'cod')
    with pytest.raises(InputError, match=r'out_channels .* \(got 0\)'):
        isometric_bound('code', adj, 3, 0)
    with pytest.raises(InputError, match=r'num_nodes \(got None\)'):
        isometric_bound('code', lambda v: v, 3, 4)
    with pytest.raises(InputError, match=r'\[5, 1\] of \[5, 1\] \(got \[4, 1\]\)'):
        isometric_bound('code', lambda v: v[1:], 3, 4, num_nodes=5)
    with pytest.raises(InputError, match="mode='frobenius' needs the entries"):
        isometric_bound('frobenius', lambda v: v, 3, 4, num_nodes=5)
    with pytest.raises(InputError, match='5 nodes and entries that sum to -5'):
        isometric_bound('code', lambda v: -v, 3, 4, num_nodes=5)
    with pytest.raises(InputError, match='0 nodes'):
        isometric_bound('code', to_adjacency(torch.empty(2, 0).long(), 0), 3, 4)
    with pytest.raises(InputError, match='Linear has no conv'):
        initialise(torch.nn.Linear(2, 2), adj)
    with pytest.raises(InputError, match=r"'lin.weight' has no shape yet"):
        initialise(pyg.GCNConv(-1, 2), adj)
