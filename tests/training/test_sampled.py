import copy

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.utils import degree

from graphsparse.engine import InputError, find
from graphsparse.graph import Adjacency, to_adjacency
from graphsparse.loading import (
    ClusterSampling,
    LayerSampling,
    NeighborSampling,
    SaintSampling,
    Sampling,
)
from graphsparse.nn import GCN, SAGE
from graphsparse.tickets import OneShot, Untrained
from graphsparse.training import NodeTask, SampledTask, Training, Watch, fit
from graphsparse.training.objectives import OBJECTIVES

SMALL = {
    'cluster': ClusterSampling(num_parts=6, batch_parts=2),
    'layer': LayerSampling((12, 12), batch_size=8),
    'neighbor': NeighborSampling((3, 3), batch_size=8),
    'saint': SaintSampling(batch_size=10, num_steps=3),
}
SHORT = Training(epochs=4)


def net(cls=SAGE):
    torch.manual_seed(0)
    return cls(16, 3, 8, 2, dropout=0.0)


@pytest.fixture(params=sorted(SMALL))
def task(request, small):
    return SampledTask.of(small, SMALL[request.param])


def test_every_sampling_is_tried_here():
    assert set(find(Sampling)) == set(SMALL)
    assert {s.name for s in SMALL.values()} == set(SMALL)


def test_steps_are_of_epoch_and_seed_alone(task, small):
    def drawn(task, epoch, seed):
        steps = [part for part, graph in task.steps(epoch, seed)]
        return [
            (part.graph.edge_index, part.train.index, part.train.y) for part in steps
        ]

    def same(a, b):
        pairs = zip(a, b, strict=False)
        return len(a) == len(b) and all(
            torch.equal(x, y) for p, q in pairs for x, y in zip(p, q, strict=True)
        )

    once = drawn(task, 2, 5)
    assert same(once, drawn(task, 2, 5))
    assert same(once, drawn(SampledTask.of(small, task.sampling), 2, 5))
    assert not same(once, drawn(task, 3, 5)) and not same(once, drawn(task, 2, 6))


def test_training_nodes_alone_are_learned_from_each_with_its_label(task, small):
    whole = NodeTask.from_data(small)
    label = {
        int(n): int(y) for n, y in zip(whole.train.index, whole.train.y, strict=True)
    }
    seen = []
    for part, _ in task.steps(0, 1):
        rows = part.train.index
        for row, y in zip(rows.tolist(), part.train.y.tolist(), strict=True):
            same = (whole.graph.x == part.graph.x[row]).all(1)  # features tell the node
            node = int(same.nonzero()[0])
            assert label[node] == y
            seen.append(node)
    if task.sampling.name != 'saint':  # which sees what it draws
        assert sorted(seen) == sorted(label)
    assert seen


def test_with_all_neighbours_a_batch_is_the_full_batch(small):
    sampling = NeighborSampling((-1, -1), batch_size=1000)
    task, whole = SampledTask.of(small, sampling), NodeTask.from_data(small)
    ((part, _),) = task.steps(0, 0)
    model = net()
    loss = part.train_loss(part.predict(model))
    torch.testing.assert_close(loss, whole.train_loss(whole.predict(model)))
    sampled, full = net(), net()
    fit(sampled, task, SHORT)
    fit(full, whole, SHORT)
    for a, b in zip(sampled.parameters(), full.parameters(), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_stopped_training_goes_on_as_it_would_have(task, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 2:
            raise Stop

    undisturbed, stopped = net(), net()
    course = fit(undisturbed, task, SHORT, seed=3)
    with pytest.raises(Stop):
        fit(stopped, task, SHORT, seed=3, watch=Watch((stop,), tmp_path, every=0))
    again = net()
    resumed = fit(again, task, SHORT, seed=3, watch=Watch((), tmp_path))
    assert resumed.loss == course.loss and resumed.val == course.val
    for a, b in zip(undisturbed.parameters(), again.parameters(), strict=True):
        assert torch.equal(a, b)


def test_workers_change_nothing(small):
    losses = []
    for num_workers in (0, 2):
        task = SampledTask.of(small, SMALL['neighbor'], num_workers=num_workers)
        losses.append(fit(net(), task, Training(epochs=2)).loss)
    assert losses[0] == losses[1]


def test_blocks_give_what_the_whole_graph_gives(small):
    model = net()
    whole = SampledTask.of(small, SMALL['neighbor'])
    blocks = SampledTask.of(small, SMALL['neighbor'], block=7)
    torch.testing.assert_close(blocks.infer(model), whole.infer(model))
    assert model.training
    assert blocks.evaluate(model) == whole.evaluate(model)


def test_other_test_labels_the_same_bits(task, small):
    other = copy.copy(small)
    other.y = small.y.clone()
    other.y[small.test_mask] = (small.y[small.test_mask] + 1) % 3
    a, b = net(), net()
    fit(a, task, SHORT)
    fit(b, SampledTask.of(other, task.sampling), SHORT)
    assert all(
        torch.equal(x, y) for x, y in zip(a.parameters(), b.parameters(), strict=True)
    )


def test_tickets_of_sampled_tasks(task):
    search = OneShot(graph_sparsity=0.25, weight_sparsity=0.5, training=SHORT)
    vals = []
    watch = Watch((lambda step: vals.append(step.val),))
    ticket = search.search(net(GCN), task, watch=watch)
    assert ticket.graph_sparsity == pytest.approx(0.25, abs=0.02)
    model, graph = ticket.apply(net(GCN), task.graph)
    kept = vals[-SHORT.epochs :]
    assert task.evaluate(model, graph).val == kept[ticket.facts['best_epoch']]
    score = Untrained(weight_sparsity=0.5, training=SHORT).search(net(GCN), task)
    assert score.weight_sparsity == pytest.approx(0.5, abs=0.01)


def test_saint_weighs_losses_and_messages(small):
    sampling = SaintSampling(batch_size=20, num_steps=1, sample_coverage=20)
    task = SampledTask.of(small, sampling)
    ((part, _),) = task.steps(0, 0)
    assert part.train.weight.shape == part.train.y.shape
    assert part.graph.edge_weight.shape == (part.graph.num_edges,)
    out = torch.randn(part.graph.num_nodes, 3)
    rows, weight = out[part.train.index], part.train.weight
    each = F.cross_entropy(rows, part.train.y, reduction='none')
    expected = (each * weight).sum() / weight.sum()
    torch.testing.assert_close(part.train_loss(out), expected)
    # Nodes that are seen often count less.
    deg = degree(small.edge_index[1], small.num_nodes)
    loader = task._loaders['loader']
    order = deg.argsort()
    assert loader.node_norm[order[:10]].mean() > loader.node_norm[order[-10:]].mean()


def test_weighted_means_of_losses():
    out, weight = torch.randn(4, 3), torch.tensor([1.0, 2.0, 0.0, 1.0])
    y = torch.tensor([0, 1, 2, 0])
    loss = OBJECTIVES['accuracy'].loss
    pulled = torch.tensor([0, 1, 1, 3])
    torch.testing.assert_close(loss(out, y, weight), loss(out[pulled], y[pulled]))
    y = torch.tensor([[0.0, 1, 1], [1, 0, 0], [1, 1, 1], [0, 0, 1]])
    loss = OBJECTIVES['roc_auc'].loss
    torch.testing.assert_close(loss(out, y, weight), loss(out[pulled], y[pulled]))


def test_bad_input(small):
    with pytest.raises(InputError, match='no edge_index'):
        SampledTask.of(Data(x=small.x, y=small.y), SMALL['neighbor'])
    with pytest.raises(InputError, match='0'):
        list(SampledTask.of(small, NeighborSampling((0,))).steps(0, 0))


@pytest.mark.parametrize('name', sorted(SMALL))
def test_a_mapped_adjacency_stands_for_the_edge_list(small, tmp_path, name):
    adj = to_adjacency(small)
    files = []
    for part in (adj.rowptr, adj.col):
        np.save(tmp_path / 'part.npy', part.numpy())
        files.append(torch.from_numpy(np.load(tmp_path / 'part.npy', mmap_mode='c')))
        (tmp_path / 'part.npy').unlink()
    listed, mapped = copy.copy(small), copy.copy(small)
    listed.edge_index = torch.stack([adj.col.long(), adj.row()])
    mapped.edge_index = Adjacency.from_csr(*files)
    found = []
    for data in (listed, mapped):
        task, model = SampledTask.of(data, SMALL[name], block=16), net()
        course = fit(model, task, SHORT, seed=3)
        found.append((course.loss, course.val, task.infer(model)))
    assert found[0][:2] == found[1][:2]
    assert torch.equal(found[0][2], found[1][2])
