import networkx as nx
import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import select_edges
from graphsparse.pruning.edges.cosine import CosineScore
from graphsparse.pruning.edges.ends import edge_ends
from graphsparse.pruning.edges.spanning_forest import (
    SpanningForestScore,
    spanning_forest,
)
from graphsparse.pruning.edges.teddy import TeddyScore
from tests.helpers import FIVE, both_ways, graphs, modest, random_graph


def test_five_nodes():
    # TEDDY: .0757 .0757 .0929 .1031 .2788; of the triangle the first equal stays.
    adj = to_adjacency(both_ways(FIVE), 5)
    base, score = TeddyScore()(adj), SpanningForestScore()(adj)
    forest = torch.tensor([True, False, True, True, True])
    assert torch.equal(spanning_forest(adj, base), forest)
    assert torch.equal(score[1], base[1])
    range_ = float(base.max() - base.min())
    assert (score - base)[forest].tolist() == pytest.approx([2 * range_] * 4)
    assert select_edges(adj, score, keep=4).tolist() == forest.tolist()


def kruskal(adj, worth):
    """In plain Python; ties by edge number."""
    root = list(range(adj.num_src + adj.num_dst))

    def find(v):
        while root[v] != v:
            v = root[v]
        return v

    taken = [False] * adj.num_edges
    ends = edge_ends(adj).t().tolist()
    shift = adj.num_dst if adj.num_src != adj.num_dst else 0
    for e in sorted(range(adj.num_edges), key=lambda e: (-worth[e], e)):
        u, v = find(ends[e][0]), find(ends[e][1] + shift)
        taken[e] = u != v
        root[u] = v
    return taken


@modest
@given(graphs())
def test_any_graph_by_hand(graph):
    adj = to_adjacency(*graph)
    for each in (adj, adj.as_directed()):
        worth = torch.arange(each.num_edges).double().mul(7).remainder(3)
        assert spanning_forest(each, worth).tolist() == kruskal(each, worth.tolist())


def test_networkx():
    graph = nx.gnm_random_graph(80, 200, seed=5)
    x = torch.randn(80, 4, generator=torch.Generator().manual_seed(1))
    adj = to_adjacency(graph)
    score = SpanningForestScore('cosine')(adj, x)
    for (u, v), weight in zip(edge_ends(adj).t().tolist(), score, strict=True):
        graph[u][v]['weight'] = float(weight)
    tree = nx.maximum_spanning_tree(graph)
    size = tree.number_of_edges()
    kept = select_edges(adj, score, keep=size)
    chosen = {tuple(pair) for pair in edge_ends(adj).t()[kept].tolist()}
    assert chosen == {(min(e), max(e)) for e in tree.edges}
    base = CosineScore()(adj, x)
    assert torch.equal(base[kept].argsort(), score[kept].argsort())
    assert torch.equal(base[~kept], score[~kept])


def test_no_component_falls_apart():
    edge_index = random_graph(60, 90, seed=4)
    adj = to_adjacency(edge_index, 62)

    def components(part):
        graph = nx.Graph(edge_ends(part).t().tolist())
        graph.add_nodes_from(range(62))
        return nx.number_connected_components(graph)

    before = components(adj)
    keep = 62 - before
    kept = adj.keep_edges(select_edges(adj, SpanningForestScore()(adj), keep=keep))
    assert components(kept) == before
    plain = adj.keep_edges(select_edges(adj, TeddyScore()(adj), keep=keep))
    assert components(plain) > before


def test_without_ties_no_name_of_a_node_matters():
    edge_index = random_graph(30, 90, seed=2)
    x = torch.randn(30, 5, generator=torch.Generator().manual_seed(0))
    new = torch.randperm(30, generator=torch.Generator().manual_seed(1))
    moved = torch.empty_like(x)
    moved[new] = x
    score, adj = (
        SpanningForestScore('cosine'),
        to_adjacency(edge_index.unique(dim=1), 30),
    )
    renamed = to_adjacency(new[edge_index.unique(dim=1)], 30)
    torch.testing.assert_close(
        renamed.to_caller(score(renamed, moved), 0), adj.to_caller(score(adj, x), 0)
    )


def test_two_node_sets():
    edge_index = torch.tensor([[0, 1, 2, 2, 1], [0, 0, 1, 0, 1]])
    adj = to_adjacency(edge_index, (4, 2))
    worth = torch.ones(5).double()
    assert spanning_forest(adj, worth).tolist() == kruskal(adj, worth.tolist())
    assert spanning_forest(adj, worth).sum() == 4


def test_options():
    score = SpanningForestScore('degree', {'reverse': True})
    assert score.base_score().reverse
    with pytest.raises(InputError, match=r"'tedy'.*'teddy'"):
        SpanningForestScore('tedy')
    with pytest.raises(InputError, match='cannot take'):
        SpanningForestScore('teddy', {'power': 1})
