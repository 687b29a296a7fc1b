import json
import math

import networkx as nx
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.evaluation import (
    describe_graph,
    edge_homophily,
    effective_diameter,
    graph,
    treeness,
)
from graphsparse.graph import Adjacency, to_adjacency
from tests.helpers import FIVE, both_ways, graphs, modest


def plain(edge_index, num_nodes):
    """networkx's simple graph: no directions, loops or parallel edges."""
    out = nx.Graph()
    out.add_nodes_from(range(num_nodes))
    out.add_edges_from((u, v) for u, v in edge_index.t().tolist() if u != v)
    return out


def distances(net):
    """Of all ordered pairs of connected nodes."""
    found = dict(nx.all_pairs_shortest_path_length(net))
    return np.array([d for row in found.values() for d in row.values() if d])


def percentile(found, share):
    """The definition: the hop that reaches the share, and how far into it."""
    hop = next(h for h in range(1, 99) if (found <= h).mean() >= share - 1e-12)
    before, after = (found <= hop - 1).mean(), (found <= hop).mean()
    return hop - 1 + (share - before) / (after - before)


@modest
@given(graphs(), st.sampled_from([0.3, 0.9, 1.0]))
def test_effective_diameter_is_networkx_s_distances(drawn, share):
    found = distances(plain(*drawn))
    ours = effective_diameter(Adjacency.from_edge_index(*drawn), share=share)
    if not found.size:
        assert math.isnan(ours)
    else:
        assert ours == pytest.approx(percentile(found, share))


@modest
@given(graphs())
def test_treeness_is_of_networkx_s_largest_component(drawn):
    net = plain(*drawn)
    ours = treeness(Adjacency.from_edge_index(*drawn))
    if not net.number_of_edges():
        assert math.isnan(ours)
        return
    parts = [net.subgraph(part) for part in nx.connected_components(net)]
    largest = max(map(len, parts))
    # Of components of one size any may be the largest.
    assert any(
        ours == (largest - 1) / part.number_of_edges()
        for part in parts
        if len(part) == largest
    )


@modest
@given(graphs(), st.data())
def test_homophily_by_hand(drawn, data):
    size = drawn[1]
    y = data.draw(st.lists(st.integers(-1, 2), min_size=size, max_size=size))
    edges = [(u, v) for u, v in plain(*drawn).edges if min(y[u], y[v]) >= 0]
    ours = edge_homophily(Adjacency.from_edge_index(*drawn), torch.tensor(y))
    if not edges:
        assert math.isnan(ours)
    else:
        assert ours == np.mean([y[u] == y[v] for u, v in edges])


@modest
@given(graphs())
def test_describe_graph_counts_as_networkx(drawn):
    net = plain(*drawn)
    facts = describe_graph(Adjacency.from_edge_index(*drawn))
    degrees = [d for _, d in net.degree]
    assert facts['nodes'] == drawn[1]
    assert facts['arcs'] + facts['loops'] == drawn[0].size(1)
    assert facts['isolated'] == len(list(nx.isolates(net)))
    assert facts['components'] == nx.number_connected_components(net)
    parts = map(len, nx.connected_components(net))
    assert facts['largest_component'] == max(parts, default=0)
    assert facts['max_degree'] == max(degrees, default=0)
    assert facts['homophily'] is None
    if degrees:
        assert facts['mean_degree'] == pytest.approx(np.mean(degrees))
    json.dumps(facts, allow_nan=False)


def test_trees_rings_and_complete_graphs():
    tree = to_adjacency(nx.random_labeled_tree(40, seed=1))
    assert treeness(tree) == 1
    assert treeness(to_adjacency(nx.cycle_graph(8))) == 7 / 8
    assert treeness(to_adjacency(nx.complete_graph(6))) == pytest.approx(2 / 6)


def test_diameters_in_closed_form():
    assert effective_diameter(to_adjacency(nx.complete_graph(6))) == 0.9
    # A star with 9 leaves: 9 of the 45 pairs are 1 apart, the others 2.
    star = effective_diameter(to_adjacency(nx.star_graph(9)))
    assert star == pytest.approx(1 + (0.9 - 0.2) / 0.8)
    # On a path of n nodes n - d pairs are d apart: of 45, 9 + 8 + 7 + 6 + 5 + 4 are
    # within 6 hops, 42 within 7.
    path = to_adjacency(nx.path_graph(10))
    assert effective_diameter(path) == pytest.approx(6 + (40.5 - 39) / 3)
    assert effective_diameter(path, share=1) == 9


def test_one_way_arcs_count_as_edges():
    one_way = torch.tensor(FIVE).t()
    directed = Adjacency.from_edge_index(one_way, 5)
    twice = Adjacency.from_edge_index(both_ways(FIVE), 5)
    y = torch.tensor([0, 0, 1, 0, 0])
    for measure in (treeness, effective_diameter, lambda a: edge_homophily(a, y)):
        assert measure(directed) == measure(twice)


def test_few_sources_come_near_and_a_seed_repeats_them():
    net = to_adjacency(nx.barabasi_albert_graph(400, 2, seed=0))
    exact = effective_diameter(net)
    near = [effective_diameter(net, 50, seed=seed) for seed in (0, 0, 1)]
    assert near[0] == near[1] != near[2]
    assert near[0] == pytest.approx(exact, abs=0.4)
    assert effective_diameter(net, 400) == exact


def test_isolated_nodes_are_no_sources():
    lone = Adjacency.from_edge_index(both_ways([(0, 1)]), 50)
    assert effective_diameter(lone, 1) == 0.9


def test_blocks_of_sources_change_nothing(monkeypatch):
    net = to_adjacency(nx.path_graph(12))
    whole = effective_diameter(net)
    monkeypatch.setattr(graph, 'CELLS', 30)
    assert effective_diameter(net) == whole


def test_before_and_after_under_one_power_law():
    net = to_adjacency(nx.barabasi_albert_graph(300, 3, seed=0))
    before = describe_graph(net)
    keep = torch.arange(net.num_edges) % 2 == 0
    after = describe_graph(net.keep_edges(keep), x_min=before['power_law_x_min'])
    assert after['power_law_x_min'] == before['power_law_x_min']
    assert before.keys() == after.keys()
    assert before['edges'] == 2 * after['edges'] - before['edges'] % 2
    assert after['treeness'] > before['treeness']
    assert after['effective_diameter'] > before['effective_diameter']


def test_cora_as_published(real):
    data = real('cora')
    facts = describe_graph(to_adjacency(data), data.y)
    assert (facts['nodes'], facts['edges'], facts['max_degree']) == (2708, 5278, 168)
    assert facts['homophily'] == pytest.approx(0.810, abs=5e-4)
    net = plain(data.edge_index, 2708)
    largest = net.subgraph(max(nx.connected_components(net), key=len))
    assert facts['components'] == nx.number_connected_components(net)
    assert facts['largest_component'] == len(largest)
    assert facts['treeness'] == (len(largest) - 1) / largest.number_of_edges()


def test_bad_input():
    net = to_adjacency(nx.path_graph(3))
    with pytest.raises(InputError, match=r'3 nodes \(got shape \[2\]'):
        edge_homophily(net, torch.zeros(2))
    with pytest.raises(InputError, match=r'num_sources.*got 0'):
        effective_diameter(net, 0)
    with pytest.raises(InputError, match=r'\(0, 1\].*got 1.5'):
        effective_diameter(net, share=1.5)
    two_sets = Adjacency.from_edge_index(torch.tensor([[0], [4]]), (3, 5))
    with pytest.raises(InputError, match='two node sets'):
        treeness(two_sets)
