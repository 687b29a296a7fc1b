import os
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.io.planetoid import edge_index_from_dict, read_file
from torch_geometric.utils import coalesce

from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.budget import count_removed
from graphsparse.pruning.edges.teddy import TeddyScore
from tests.helpers import FIVE, both_ways, graphs, modest

LEVELS = [1 - 0.95**k for k in (1, 5, 10, 15, 20)]


def approx(values):
    return pytest.approx(values, rel=1e-7)


def graph(pairs, num_nodes, **options):
    return to_adjacency(both_ways(pairs), num_nodes, **options)


# The graph of five nodes.


@pytest.mark.parametrize(
    ('a', 'nodes', 'edges'),
    [
        (
            1.0,
            [0.23570226, 0.32111426, 0.32111426, 0.39433757, 0.70710678],
            [0.075687358, 0.075687358, 0.092946256, 0.103114370, 0.278838768],
        ),
        (
            0.5,
            [0.40824829, 0.45412415, 0.45412415, 0.55767754, 0.70710678],
            [0.185395406, 0.185395406, 0.227670901, 0.206228739, 0.394337567],
        ),
    ],
)
def test_five_nodes(a, nodes, edges):
    adj, score = graph(FIVE, 5), TeddyScore(a=a)
    as_source, as_target = score.node_scores(adj)
    assert as_target.tolist() == pytest.approx(nodes, abs=6e-9)
    assert as_source is as_target
    assert score(adj).tolist() == pytest.approx(edges, abs=6e-10)


def test_the_mean_level_of_the_neighbours():
    level, _ = TeddyScore(a=0.0).node_scores(graph(FIVE, 5))
    expected = [0.70710678, 0.64222853, 0.64222853, 0.78867513, 0.70710678]
    assert level.tolist() == pytest.approx(expected, abs=6e-9)


def test_the_exponent_decides_what_goes_first():
    adj = graph(FIVE, 5)
    default, strict = TeddyScore()(adj), TeddyScore(a=0.5)(adj)
    assert default[2] < default[3]
    assert strict[2] > strict[3]
    removed = [
        (~select_edges(adj, default, sparsity=p)).nonzero().squeeze(1).tolist()
        for p in (0.2, 0.4, 0.6)
    ]
    assert removed == [[1], [0, 1], [0, 1, 2]]


LOOPED = [*FIVE, *((v, v) for v in range(5))]


def test_five_nodes_with_self_loops():
    score, adj = TeddyScore(count_loops=True), graph(LOOPED, 5)
    nodes, _ = score.node_scores(adj)
    expected = [0.13950318, 0.18385562, 0.18385562, 0.19827301, 0.32111426]
    assert nodes.tolist() == pytest.approx(expected, abs=6e-9)
    edges = score(adj)
    assert edges[[0, 2, 3, 4]].tolist() == pytest.approx(
        [0.025648442, 0.027659714, 0.033802887, 0.063668290], abs=6e-10
    )
    assert float(nodes[0] ** 2) == pytest.approx(0.019461136, abs=6e-10)
    assert nodes[0] ** 2 < edges.min()  # the loop that has to be spared


def test_self_loops_are_left_out_unless_asked():
    assert torch.equal(TeddyScore()(graph(LOOPED, 5)), TeddyScore()(graph(FIVE, 5)))
    counted = TeddyScore(count_loops=True)
    assert torch.equal(counted(graph(FIVE, 5)), TeddyScore()(graph(FIVE, 5)))
    twice = graph([*LOOPED, (0, 0)], 5)
    degree = counted.node_scores(twice)[0]
    assert degree[0] < counted.node_scores(graph(LOOPED, 5))[0][0]


# Closed forms.


def cycle(n):
    return [(v, (v + 1) % n) for v in range(n)]


def complete(n):
    return [(u, v) for u in range(n) for v in range(u + 1, n)]


def bipartite(a, b):
    return [(u, a + v) for u in range(a) for v in range(b)]


@pytest.mark.parametrize(
    ('pairs', 'num_nodes', 'expected'),
    [
        (cycle(7), 7, 0.125),
        (complete(5), 5, 4.0**-3),
        (complete(2), 2, 1.0),
        (bipartite(1, 6), 7, 6**-1.5),
        (bipartite(1, 2), 3, 0.35355339),
        (bipartite(3, 4), 7, 12**-1.5),
        (cycle(4) + [(u + 4, v + 4) for u, v in cycle(5)], 9, 0.125),
    ],
)
def test_closed_forms(pairs, num_nodes, expected):
    score = TeddyScore()(graph(pairs, num_nodes))
    assert score.tolist() == approx([expected] * len(pairs))


def test_isolated_nodes_get_zero():
    for score in (TeddyScore(), TeddyScore(count_loops=True)):
        adj = graph([*FIVE, (6, 6)], 8)
        nodes, _ = score.node_scores(adj)
        assert nodes[[5, 7]].tolist() == [0.0, 0.0]
        assert nodes.isfinite().all()
    assert TeddyScore()(graph([], 3)).shape == (0,)


# Any graph, by brute force.


def by_hand(edge_index, num_nodes, a, b, loops):
    """Sums over arcs in plain Python: source by successors, target by predecessors."""
    arcs = [(u, v) for u, v in edge_index.t().tolist() if loops or u != v]
    after = [[v for u, v in arcs if u == w] for w in range(num_nodes)]
    before = [[u for u, v in arcs if v == w] for w in range(num_nodes)]

    def level(own, other):
        return [
            len(near) ** -a * sum(len(other[w]) ** -b for w in near) / len(near)
            if near
            else 0.0
            for near in own
        ]

    as_source, as_target = level(after, before), level(before, after)
    return {(u, v): as_source[u] * as_target[v] for u, v in arcs if u != v}


@modest
@given(graphs(), st.sampled_from([(1.0, 0.5), (0.5, 0.5), (2, 1)]), st.booleans())
def test_any_graph_by_brute_force(graph, exponents, loops):
    edge_index, num_nodes = graph
    adj = to_adjacency(edge_index, num_nodes)
    expected = by_hand(edge_index, num_nodes, *exponents, loops)
    for each in (adj, adj.as_directed()):
        score = TeddyScore(*exponents, count_loops=loops)(each)
        slot = each.edge_slot()
        ends = zip(each.col[slot].tolist(), each.row()[slot].tolist(), strict=True)
        assert score.tolist() == approx([expected[arc] for arc in ends])


def test_two_node_sets():
    edge_index = torch.tensor([[0, 1, 2, 2], [0, 0, 1, 0]])
    score = TeddyScore()(to_adjacency(edge_index, (3, 2)))
    shifted = edge_index + torch.tensor([[0], [3]])
    assert torch.equal(score, TeddyScore()(to_adjacency(shifted, 5)))


# The citation networks, loops left out: sum over nodes, over arcs, least of all; and
# what is removed and left isolated by one score at 1 - 0.95^k, k = 1, 5, 10, 15, 20.
FREE = {
    'cora': (
        *(598.2117455, 295.2223518, 4.3062869e-05),
        [263, 1193, 2117, 2832, 3385],
        [3, 54, 181, 409, 671],
    ),
    'citeseer': (
        *(1330.7332674, 906.8142269, 6.0559051e-05),
        [227, 1029, 1826, 2443, 2920],
        [52, 135, 361, 678, 990],
    ),
    'pubmed': (
        *(3378.9998635, 576.6065271, 3.3286603e-06),
        [2216, 10026, 17785, 23789, 28434],
        [0, 58, 894, 2631, 4625],
    ),
}
# As the authors' code: stored entries, loops among them; arcs go one by one.
OFFICIAL = {
    'cora': (
        *(2708, 10556, 0, 598.2117455, 295.2223518, 4.3062869e-05, (1072, 1358)),
        [527, 2387, 4235, 5665, 6771],
        [3, 54, 181, 410, 671],
    ),
    'citeseer': (
        *(3327, 9228, 124, 1359.1840646, 933.7043624, 6.0332389e-05, (968, 1422)),
        [461, 2087, 3702, 4952, 5919],
        [4, 86, 316, 625, 932],
    ),
    'pubmed': (
        *(19717, 88651, 3, 3378.9063671, 576.5499240, 3.3286603e-06, (11450, 11894)),
        [4432, 20054, 35572, 47579, 56870],
        [0, 58, 895, 2632, 4623],
    ),
}


@pytest.fixture
def raw():
    """The graph file of a citation network as it is, ids by ids."""
    root = os.environ.get('GRAPHSPARSE_DATA')
    if not root:
        pytest.skip('GRAPHSPARSE_DATA names no folder of raw files')

    def read(name):
        folder = {'cora': 'Cora', 'citeseer': 'CiteSeer', 'pubmed': 'PubMed'}[name]
        return read_file(str(Path(root, 'planetoid', folder, 'raw')), name, 'graph')

    return read


@pytest.fixture
def loop_free(raw, real):
    """A citation network as PyG hands it out."""

    def read(name):
        if name == 'pubmed':  # its features are not here
            return edge_index_from_dict(raw(name), num_nodes=19717), 19717
        data = real(name)
        return data.edge_index, data.num_nodes

    return read


def printed(value):
    """Every printed digit but the last, which may be cut instead of rounded."""
    return pytest.approx(
        value, rel=0 if value > 1 else 2e-8, abs=1e-7 if value > 1 else 0
    )


@pytest.mark.parametrize('name', FREE)
def test_citation_networks(name, loop_free):
    nodes_sum, arcs_sum, least, removed, isolated = FREE[name]
    adj, score = to_adjacency(*loop_free(name)), TeddyScore()
    edges = score(adj)
    assert float(score.node_scores(adj)[0].sum()) == printed(nodes_sum)
    assert float(2 * edges.sum()) == printed(arcs_sum)
    assert float(edges.min()) == printed(least)
    masks = [select_edges(adj, edges, sparsity=p) for p in LEVELS]
    assert [int((~keep).sum()) for keep in masks] == removed
    assert [adj.keep_edges(keep).num_isolated() for keep in masks] == isolated


@pytest.mark.parametrize('name', OFFICIAL)
def test_citation_networks_as_in_the_authors_code(name, raw):
    num_nodes, stored, loops, nodes_sum, arcs_sum, least, ends, counts, empty = (
        OFFICIAL[name]
    )
    lists = raw(name).items()
    arcs = [(u, int(v)) for u, near in lists for v in near]
    edge_index = coalesce(torch.tensor(arcs).t(), num_nodes=num_nodes)
    adj = to_adjacency(edge_index, num_nodes).as_directed()
    assert (edge_index.size(1), adj.num_loops) == (stored, loops)
    score = TeddyScore(count_loops=True)
    nodes, as_target = score.node_scores(adj)
    assert torch.equal(nodes, as_target)
    arc = score(adj)
    assert float(nodes.sum()) == printed(nodes_sum)
    assert float(arc.sum() + nodes[adj.loop].square().sum()) == printed(arcs_sum)
    assert float(arc.min()) == printed(least)
    first = int(arc.argmin())
    assert {int(adj.row()[first]), int(adj.col[first])} == set(ends)
    removed = [count_removed(stored, p) for p in LEVELS]
    assert removed == counts
    left = []
    for number in removed:
        part = adj.keep_edges(select_edges(adj, arc, keep=adj.num_arcs - number))
        stays = torch.zeros(num_nodes, dtype=torch.bool)
        stays[part.col] = stays[part.loop] = True
        left.append(int((~stays).sum()))
    assert left == empty
