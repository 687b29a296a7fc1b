import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.effective_resistance import EffectiveResistanceScore
from graphsparse.pruning.edges.ends import edge_ends
from tests.helpers import FIVE, both_ways, graphs, modest, random_graph


def test_five_nodes():
    score = EffectiveResistanceScore()(to_adjacency(both_ways(FIVE), 5))
    assert score.tolist() == pytest.approx([2 / 3, 2 / 3, 1, 2 / 3, 1])


def test_networkx():
    graph = nx.connected_watts_strogatz_graph(40, 4, 0.3, seed=1)
    adj = to_adjacency(graph)
    found = EffectiveResistanceScore()(adj).tolist()
    distance = nx.resistance_distance(graph)
    ends = edge_ends(adj).t().tolist()
    assert found == pytest.approx([distance[u][v] for u, v in ends], rel=1e-10)


@modest
@given(graphs())
def test_pseudo_inverse_of_any_graph(graph):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    for each in (adj, adj.as_directed()):
        ends = edge_ends(each).t().numpy()
        laplacian = np.zeros((num_nodes, num_nodes))
        for u, v in ends:
            step = np.eye(num_nodes)[u] - np.eye(num_nodes)[v]
            laplacian += np.outer(step, step)
        inverse = np.linalg.pinv(laplacian, hermitian=True, rcond=1e-10)
        expected = [inverse[u, u] + inverse[v, v] - 2 * inverse[u, v] for u, v in ends]
        found = EffectiveResistanceScore()(each).tolist()
        assert found == pytest.approx(expected, abs=1e-9)


def test_the_sum_is_nodes_less_components():
    edge_index = torch.cat([random_graph(50, 200), random_graph(30, 60) + 50], 1)
    adj = to_adjacency(edge_index, 90)
    graph = nx.Graph(edge_index.t().tolist())
    graph.add_nodes_from(range(90))
    expected = 90 - nx.number_connected_components(graph)
    assert float(EffectiveResistanceScore()(adj).sum()) == pytest.approx(expected)


@pytest.mark.parametrize('undirected', [True, False])
def test_the_sketch_is_near(undirected):
    edge_index = torch.cat([random_graph(80, 300, 1, undirected) for _ in (0, 1)], 1)
    edge_index[:, : edge_index.size(1) // 2] += 80  # two components, 5 nodes alone
    adj = to_adjacency(edge_index, 165)
    exact = EffectiveResistanceScore()(adj)
    sketch = EffectiveResistanceScore(exact=0, probes=400, tolerance=1e-8)(adj, seed=1)
    error = sketch / exact - 1
    assert float(error.square().mean().sqrt()) == pytest.approx(
        (2 / 400) ** 0.5, rel=0.3
    )
    assert abs(float(error.mean())) < 0.02
    assert float(error.abs().max()) < 5 * (2 / 400) ** 0.5


def test_the_sketch_of_a_tree_is_its_signs():
    # Across a bridge every probe's potential falls by exactly 1.
    tree = to_adjacency(both_ways([(0, v) for v in range(1, 30)] + [(30, 31)]), 33)
    sketch = EffectiveResistanceScore(exact=0, probes=3, tolerance=1e-10)
    assert sketch(tree).tolist() == pytest.approx([1.0] * 30, abs=1e-8)


def test_seeds_and_probes():
    adj = to_adjacency(random_graph(40, 120), 40)
    sketch = EffectiveResistanceScore(exact=39, probes=20)
    assert torch.equal(sketch(adj, seed=1), sketch(adj, seed=1))
    assert not torch.equal(sketch(adj, seed=1), sketch(adj, seed=2))
    exact = EffectiveResistanceScore(exact=40)
    assert torch.equal(exact(adj, seed=1), exact(adj, seed=2))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'exact': -1}, r'exact .* \(got -1\)'),
        ({'probes': 0}, r'probes .* \(got 0\)'),
        ({'max_iterations': 0}, 'max_iterations'),
        ({'tolerance': 0.0}, r'tolerance .* \(got 0\.0\)'),
        ({'tolerance': float('nan')}, 'nan'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        EffectiveResistanceScore(**options)


def test_two_node_sets_are_refused():
    with pytest.raises(InputError, match='two node sets'):
        EffectiveResistanceScore()(to_adjacency(torch.tensor([[0], [0]]), (3, 2)))
