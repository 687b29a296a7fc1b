import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.utils import get_laplacian, to_dense_adj, to_undirected

from graphsparse.engine import InputError
from graphsparse.evaluation import dirichlet_energy
from graphsparse.graph import to_adjacency
from tests.helpers import both_ways, graphs, modest, random_graph


def features(num_nodes, seed, width=3):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(num_nodes, width, dtype=torch.float64, generator=generator)


@modest
@given(graphs(undirected=True), st.integers(0, 99))
def test_trace_with_pygs_laplacian(graph, seed):
    edge_index, num_nodes = graph
    h = features(num_nodes, seed)
    if num_nodes:
        parts = get_laplacian(
            edge_index, None, 'sym', dtype=torch.float64, num_nodes=num_nodes
        )
        # Its diagonal is 1 at isolated nodes too.
        laplacian = to_dense_adj(*parts[:1], None, parts[1], num_nodes)[0]
        expected = torch.trace(h.t() @ laplacian @ h)
    else:
        expected = torch.zeros((), dtype=torch.float64)
    energy = dirichlet_energy(h, to_adjacency(edge_index, num_nodes))
    assert energy >= 0
    torch.testing.assert_close(energy, expected, rtol=1e-10, atol=1e-10)


@modest
@given(graphs(undirected=False), st.integers(0, 99))
def test_sum_over_edges_directions_ignored(graph, seed):
    edge_index, num_nodes = graph
    edge_index = edge_index[:, edge_index[0] != edge_index[1]]
    h, (src, dst) = features(num_nodes, seed), edge_index
    degree = torch.bincount(edge_index.reshape(-1), minlength=num_nodes) / 2.0
    unit = h / degree.clamp(min=0.5).double().sqrt().unsqueeze(1)
    expected = (unit[src] - unit[dst]).square().sum() / 2 + 0 * h.sum()
    expected = expected + h[degree == 0].square().sum()
    adj = to_adjacency(edge_index, num_nodes)
    torch.testing.assert_close(dirichlet_energy(h, adj), expected)
    same = dirichlet_energy(h, to_adjacency(edge_index.flip(0), num_nodes))
    torch.testing.assert_close(same, expected)


def test_exact_values():
    """The path 0 - 1 - 2 and node 3 alone, features 1, 1, 1 and 2."""
    adj = to_adjacency(both_ways([(0, 1), (1, 2), (2, 2)]), 4)
    h = torch.tensor([[1.0], [1], [1], [2]])
    expected = 2 * (1 - 0.5**0.5) ** 2 + 4
    assert float(dirichlet_energy(h, adj)) == pytest.approx(expected, rel=1e-12)


def test_weights_and_soft_masks_count():
    edge_index = both_ways([(0, 1), (1, 2), (0, 2)])
    h = features(3, 0)
    weight = torch.tensor([1.0, 2, 3, 1, 2, 3])
    parts = get_laplacian(edge_index, weight.double(), 'sym', num_nodes=3)
    laplacian = to_dense_adj(parts[0], None, parts[1], 3)[0]
    energy = dirichlet_energy(h, to_adjacency(edge_index, 3, weight))
    torch.testing.assert_close(energy, torch.trace(h.t() @ laplacian @ h))
    gone = to_adjacency(edge_index, 3).with_mask(torch.tensor([1.0, 0.0, 1.0]))
    rest = gone.keep_edges(torch.tensor([True, False, True]))
    torch.testing.assert_close(dirichlet_energy(h, gone), dirichlet_energy(h, rest))


def test_constant_on_a_regular_graph_is_0_and_squares_scale():
    ring = to_adjacency(both_ways([(i, (i + 1) % 9) for i in range(9)]), 9)
    assert float(dirichlet_energy(torch.full((9, 2), 3.7), ring)) < 1e-12
    adj = to_adjacency(random_graph(30, 60), 30)
    h = features(30, 1).float()
    once, thrice = dirichlet_energy(h, adj), dirichlet_energy(3 * h, adj)
    torch.testing.assert_close(thrice, 9 * once, rtol=1e-6, atol=0)


def test_smooth_features_in_single_precision_keep_their_energy():
    """Of sums near 1e6 an energy of 1e-4 is left: float32 would lose it."""
    edge_index = to_undirected(torch.stack([torch.arange(99), torch.arange(1, 100)]))
    degree = torch.bincount(edge_index[0]).double().sqrt().unsqueeze(1)
    h = (100 * degree * (1 + 1e-5 * features(100, 2, 1))).float()
    unit = h.double() / degree
    expected = (unit[1:] - unit[:-1]).square().sum()
    energy = dirichlet_energy(h, to_adjacency(edge_index, 100))
    torch.testing.assert_close(energy, expected, rtol=1e-4, atol=0)


def test_large_rings_are_no_matrix():
    num_nodes = 1_000_000
    node = torch.arange(num_nodes)
    adj = to_adjacency(
        to_undirected(torch.stack([node, (node + 1) % num_nodes])), 10**6
    )
    sign = (1 - 2 * (node % 2)).float().unsqueeze(1)
    assert float(dirichlet_energy(sign, adj)) == pytest.approx(2 * num_nodes)


@pytest.mark.parametrize('h', [torch.ones(4, 2), torch.ones(3), torch.ones(3, 2).int()])
def test_bad_input(h):
    with pytest.raises(InputError, match=r'\[3, features\]'):
        dirichlet_energy(h, to_adjacency(both_ways([(0, 1)]), 3))
