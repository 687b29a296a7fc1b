import math

import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import GAT, GCN
from graphsparse.rewiring import initialise, isometric_bound, virgo_bounds


def dense_operator(edge_index, nodes):
    a = torch.eye(nodes, dtype=torch.float64)
    a[edge_index[1], edge_index[0]] = 1
    scale = a.sum(1).rsqrt()
    return scale[:, None] * a * scale


@pytest.fixture
def path():
    """0 - 1 - 2, and 3 alone."""
    edge_index = torch.tensor([[0, 1, 1, 2], [1, 0, 2, 1]])
    x = torch.tensor([[1.0, 3.0], [0.0, 0.0], [2.0, 2.0], [1.0, 0.0]])
    return Data(x=x, edge_index=edge_index, num_nodes=4)


def test_forward_is_the_ratio_of_signals(path):
    a, m = dense_operator(path.edge_index, 4), path.x.double().mean(1)
    norm = [
        float((torch.linalg.matrix_power(a, k) @ m).square().sum()) for k in range(4)
    ]
    found = virgo_bounds(to_adjacency(path), [2, 5, 7, 3], 'forward', path.x)
    variances = [2 / 2, 2 / 5 * norm[1] / norm[2], 2 / 7 * norm[2] / norm[3]]
    assert found == pytest.approx([math.sqrt(3 * v) for v in variances])


def test_backward_is_the_ratio_of_gradients(path):
    a, one = dense_operator(path.edge_index, 4), torch.ones(4).double()
    norm = [
        float((torch.linalg.matrix_power(a, k) @ one).square().sum()) for k in range(4)
    ]
    found = virgo_bounds(to_adjacency(path), [2, 5, 7, 3], 'backward')
    variances = [
        2 / 5 * norm[2] / norm[3],
        2 / 7 * norm[1] / norm[2],
        4 / (2 * norm[1]),
    ]
    assert found == pytest.approx([math.sqrt(3 * v) for v in variances])


def test_on_a_regular_graph_it_is_kaiming():
    ring = torch.arange(8)
    edge_index = torch.stack(
        [torch.cat([ring, ring.roll(1)]), torch.cat([ring.roll(1), ring])]
    )
    found = virgo_bounds(
        to_adjacency(edge_index, 8), [4, 16, 16, 3], 'forward', torch.ones(8, 4)
    )
    assert found == pytest.approx([math.sqrt(6 / width) for width in (4, 16, 16)])


def test_each_layer_of_a_net_has_its_own(path):
    torch.manual_seed(0)
    for cls in (GCN, GAT):
        net = cls(2, 3, 40, 3)
        for mode in ('virgo_forward', 'virgo_backward'):
            made = initialise(net, path, mode, seed=1)
            heads = 8 if cls is GAT else 1
            widths = [2, 40 * heads, 40 * heads, 3]
            wanted = virgo_bounds(to_adjacency(path), widths, mode[6:], path.x)
            for conv, bound in zip(made.convs, wanted, strict=True):
                top = max(
                    float(p.abs().max()) for p in conv.parameters() if p.dim() == 2
                )
                assert 0.8 * bound < top <= bound


def test_bad_input(path):
    adj = to_adjacency(path)
    with pytest.raises(InputError, match='has no x'):
        initialise(GCN(2, 3, 4, 2), adj, 'virgo_forward')
    with pytest.raises(InputError, match='mean 0'):
        virgo_bounds(adj, [2, 3], 'forward', torch.zeros(4, 2))
    with pytest.raises(InputError, match='two classes'):
        virgo_bounds(adj, [2, 1], 'backward')
    with pytest.raises(InputError, match='virgo_bounds'):
        isometric_bound('virgo_backward', adj, 2, 3)
