import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.graph.laplacian import apply_laplacian, solve_laplacian
from tests.helpers import both_ways, dense_adjacency, graphs, modest, random_graph


def dense_laplacian(edge_index, num_nodes, undirected):
    weight = (edge_index[0] != edge_index[1]).double()
    matrix = dense_adjacency(edge_index, weight, num_nodes)
    matrix = matrix if undirected else matrix + matrix.t()
    return matrix.sum(1).diag() - matrix


@modest
@given(graphs())
def test_applied_and_solved(graph):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num_nodes, 3, dtype=torch.float64, generator=generator)
    for each in (adj, adj.as_directed()):
        matrix = dense_laplacian(edge_index, num_nodes, each.undirected)
        rhs = apply_laplacian(each, x)
        torch.testing.assert_close(rhs, matrix @ x)
        found = solve_laplacian(each, rhs, 1e-12)
        torch.testing.assert_close(matrix @ found, rhs)


def test_columns_stop_one_by_one():
    # The first is an eigenvector after the first step, the second 0, the third hard.
    path = to_adjacency(both_ways([(v, v + 1) for v in range(39)]), 41)
    rhs = torch.zeros(41, 3, dtype=torch.float64)
    rhs[0, 0], rhs[1, 0] = 1, -1
    rhs[0, 2], rhs[39, 2] = 1, -1
    found = solve_laplacian(path, rhs, 1e-12)
    assert found.isfinite().all()
    assert not found[:, 1].any()
    assert float(found[0, 0] - found[39, 0]) == pytest.approx(1)
    assert float(found[0, 2] - found[39, 2]) == pytest.approx(39)
    alone = solve_laplacian(path, rhs[:, :1], 1e-12)
    torch.testing.assert_close(found[:, :1], alone)


def test_the_residual_is_as_told():
    adj = to_adjacency(random_graph(500, 2500), 500)
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(500, 4, dtype=torch.float64, generator=generator)
    rhs = apply_laplacian(adj, x)
    for tolerance in (1e-2, 1e-5):
        rest = rhs - apply_laplacian(adj, solve_laplacian(adj, rhs, tolerance))
        share = rest.norm(dim=0) / rhs.norm(dim=0)
        assert (share <= tolerance * 1.01).all() and (share > tolerance * 1e-3).all()


def test_too_few_iterations():
    path = to_adjacency(both_ways([(v, v + 1) for v in range(200)]), 201)
    rhs = torch.zeros(201, 1, dtype=torch.float64)
    rhs[0], rhs[200] = 1, -1
    with pytest.raises(InputError, match=r'residual of .* in 20 iterations, not 1e-06'):
        solve_laplacian(path, rhs, max_iterations=20)
