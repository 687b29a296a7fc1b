import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.tickets import Dense, Teddy
from graphsparse.training import (
    NodeTask,
    Task,
    Training,
    evaluate_perturbed,
    perturb_edges,
    perturb_features,
)
from graphsparse.training.node import Part
from tests.helpers import both_ways, graphs, modest


def bare_task(edge_index, num_nodes, **attributes):
    """A task of which only the graph is looked at."""
    graph = Data(torch.ones(num_nodes, 2), edge_index, **attributes)
    nobody = Part(torch.empty(0, dtype=torch.long), torch.empty(0, dtype=torch.long))
    return NodeTask(graph, 2, nobody, nobody, nobody)


def ends_of(edge_index):
    """The set of ends of every column."""
    return [frozenset(column) for column in edge_index.t().tolist()]


def test_noise_takes_a_share_of_every_group_but_training(small):
    small.test_mask[small.test_mask.nonzero()[:20]] = False  # some nodes in no part
    task = Task.from_data(small)
    noisy = perturb_features(task, 0.3, seed=4)
    changed = (noisy.graph.x != task.graph.x).any(1)
    none = ~(small.train_mask | small.val_mask | small.test_mask)
    assert int(none.sum()) == 20
    assert not changed[small.train_mask].any()
    for group in (small.val_mask, small.test_mask, none):
        assert int(changed[group].sum()) == int(0.3 * int(group.sum()))
    assert torch.equal(noisy.graph.edge_index, task.graph.edge_index)


def test_noise_is_coins_divided_by_their_sum(small):
    task = Task.from_data(small)
    noisy = perturb_features(task, 1.0).graph.x[~small.train_mask]
    ones = (noisy > 0).sum(1, keepdim=True)
    assert torch.allclose(noisy, (noisy > 0) / ones.clamp(min=1))
    assert (noisy > 0).double().mean() == pytest.approx(0.5, abs=0.05)
    assert noisy.unique(dim=0).size(0) > 50


def test_a_row_of_tails_is_zero():
    task = bare_task(both_ways([(0, 1)]), 400)
    x = perturb_features(task, 1.0).graph.x
    rows = {tuple(row) for row in x.tolist()}
    assert rows == {(0.0, 0.0), (1.0, 0.0), (0.0, 1.0), (0.5, 0.5)}


def test_same_seed_same_noise_and_the_task_stays(small):
    task = Task.from_data(small)
    x, edge_index = task.graph.x.clone(), task.graph.edge_index.clone()
    for perturb, name in ((perturb_features, 'x'), (perturb_edges, 'edge_index')):
        a, b, c = (perturb(task, 0.5, seed).graph[name] for seed in (1, 1, 2))
        assert torch.equal(a, b) and not torch.equal(a, c)
        assert torch.equal(perturb(task, 0.0).graph[name], task.graph[name])
    assert torch.equal(task.graph.x, x)
    assert torch.equal(task.graph.edge_index, edge_index)


@modest
@given(graphs(undirected=True), st.sampled_from([0.0, 0.29, 0.5, 1.0]), st.integers(0))
def test_undirected_stays_undirected_and_counts_are_exact(drawn, share, seed):
    edge_index, num_nodes = drawn
    adj = Adjacency.from_edge_index(edge_index, num_nodes)
    count = int(share * adj.num_edges + 1e-9)
    task = bare_task(edge_index, num_nodes)
    seed %= 2**31
    if count and num_nodes < 3:
        with pytest.raises(InputError, match='cannot move'):
            perturb_edges(task, share, seed)
        return
    moved = perturb_edges(task, share, seed).graph.edge_index
    after = Adjacency.from_edge_index(moved, num_nodes, undirected=True)
    assert after.num_edges == adj.num_edges
    assert torch.equal(after.loop, adj.loop)  # none arises, none goes
    pairs = list(zip(ends_of(edge_index), ends_of(moved), strict=True))
    assert sum(a != b for a, b in pairs) == 2 * count
    assert all(len(a & b) == 1 for a, b in pairs if a != b)  # one end stays


@modest
@given(graphs(undirected=False), st.sampled_from([0.4, 1.0]))
def test_an_arc_alone_keeps_its_source(drawn, share):
    edge_index, num_nodes = drawn
    adj = Adjacency.from_edge_index(edge_index, num_nodes)
    if num_nodes < 3 or adj.undirected:
        return
    moved = perturb_edges(bare_task(edge_index, num_nodes), share).graph.edge_index
    assert torch.equal(moved[0], edge_index[0])
    count = int((moved[1] != edge_index[1]).sum())
    assert count == int(share * adj.num_arcs + 1e-9)


def test_every_other_node_is_as_likely_and_so_is_either_end():
    task = bare_task(both_ways([(1, 3)]), 6)
    moved = [perturb_edges(task, 1.0, seed).graph.edge_index for seed in range(800)]
    ends = torch.stack([edge_index[:, 0] for edge_index in moved])
    assert torch.equal(torch.stack([e[:, 1] for e in moved]), ends.flip(1))
    first = ends[:, 0] == 1
    assert 300 < int(first.sum()) < 500
    assert (ends[~first, 1] == 3).all()
    new = torch.where(first, ends[:, 1], ends[:, 0])
    counts = new.bincount(minlength=6)
    assert counts[[1, 3]].tolist() == [0, 0]
    assert counts[[0, 2, 4, 5]].min() > 150


def test_attributes_stay_with_their_edge():
    edge_index = both_ways([(0, 1), (2, 3), (4, 5), (0, 6)])
    weight = torch.tensor([1.0, 2, 3, 4, 1, 2, 3, 4])
    graph = perturb_edges(bare_task(edge_index, 7, edge_weight=weight), 0.5).graph
    assert torch.equal(graph.edge_weight, weight)
    forth, back = graph.edge_index[:, :4], graph.edge_index[:, 4:]
    assert torch.equal(forth.flip(0), back)


def test_the_official_way_moves_single_targets(small):
    task = Task.from_data(small)
    before = task.graph.edge_index
    after = perturb_edges(task, 0.5, official=True).graph.edge_index
    assert torch.equal(after[0], before[0])
    changed = int((after[1] != before[1]).sum())
    drawn = before.size(1) // 2
    assert 0.9 * drawn < changed <= drawn  # a draw may hit the old target
    assert not to_adjacency(after, 120).undirected
    assert to_adjacency(perturb_edges(task, 0.5).graph).undirected


def factory():
    return GCN(16, 8, 2, 3)


def test_at_training_and_at_test_time(small):
    task = Task.from_data(small)
    search = Teddy(0.25, 0.0, 0.0, training=Training(epochs=10))
    at_training = search.search(factory, perturb_edges(task, 0.5, seed=1))
    with pytest.raises(InputError, match='another graph'):
        at_training.apply(factory, task.graph)

    model, graph = search.search(factory, task).apply(factory, task.graph)
    clean = task.evaluate(model, graph)
    assert evaluate_perturbed(task, model, graph) == clean
    out = evaluate_perturbed(task, model, graph, features=0.4, edges=0.3, seed=2)
    sparse = task.with_graph(graph)
    noisy = perturb_features(sparse, 0.4, 2).graph.x
    moved = perturb_edges(sparse, 0.3, 2).graph.edge_index
    assert moved.size(1) == graph.num_edges < task.graph.num_edges
    assert out == task.evaluate(model, Data(noisy, moved))


def test_accuracy_falls_with_the_noise(small):
    task = Task.from_data(small)
    model = Dense(Training(epochs=40)).search(factory, task).apply(factory, task.graph)
    lost = [
        task.evaluate(model[0]).test
        - evaluate_perturbed(task, model[0], features=share, edges=share).test
        for share in (0.0, 1.0)
    ]
    assert lost[0] == 0 < 0.1 < lost[1]


def test_a_whole_product_is_not_rounded_away():
    ring = both_ways([(i, (i + 1) % 100) for i in range(100)])
    moved = perturb_edges(bare_task(ring, 100), 0.29).graph.edge_index  # 28.99...96
    assert int((moved != ring).any(0).sum()) == 2 * 29


def test_a_share_out_of_range(small):
    task = Task.from_data(small)
    for perturb in (perturb_features, perturb_edges):
        with pytest.raises(InputError, match=r'share is 1.5'):
            perturb(task, 1.5)
