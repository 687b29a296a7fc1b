import math

import pytest
import torch
from torch_geometric.data import Batch, Data, InMemoryDataset
from torch_geometric.nn import GCN

from graphsparse.data import GraphDataset
from graphsparse.data.ogb import make_evaluator
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import ATOM_SIZES, BOND_SIZES, MoleculeGINE, Pooled
from graphsparse.tickets import UGS, Dense, LearnedGate, OneShot, Teddy
from graphsparse.training import GraphTask, Task, Training, Watch, fit
from graphsparse.training.graph import take_graphs

from ..helpers import both_ways


def rings(count=60, labels=1, seed=0):
    """Rings and paths of categories: the first label tells rings from paths."""
    generator = torch.Generator().manual_seed(seed)
    graphs = []
    for number in range(count):
        size, ring = 4 + number % 3, number % 2
        pairs = [(i, (i + 1) % size) for i in range(size - 1 + ring)]
        rows = (size, 2 * len(pairs))
        x, bonds = (
            torch.stack(
                [torch.randint(n, (row,), generator=generator) for n in sizes], 1
            )
            for row, sizes in zip(rows, (ATOM_SIZES, BOND_SIZES), strict=True)
        )
        x[:, 8] = ring
        y = torch.randint(2, (1, labels), generator=generator).float()
        y[0, 0] = ring
        graphs.append(Data(x=x, edge_index=both_ways(pairs), edge_attr=bonds, y=y))
    return graphs


def collate(graphs, split=None, metric='roc_auc'):
    data, slices = InMemoryDataset.collate(graphs)
    order = torch.arange(len(graphs)).split([len(graphs) - 24, 12, 12])
    given = dict(zip(('train', 'valid', 'test'), order, strict=True))
    return GraphDataset(data, slices, given | (split or {}), metric)


@pytest.fixture
def dataset():
    return collate(rings())


def factory():
    return Pooled(GCN(9, 8, 2, 1), 'mean')


def test_a_method_sees_no_labels(dataset):
    task = Task.from_data(dataset)
    assert isinstance(task, GraphTask)
    assert set(task.graph.keys()) == {
        'x', 'edge_index', 'edge_attr', 'batch', 'num_nodes',
    }  # fmt: skip
    assert (task.out_channels, task.metric) == (1, 'roc_auc')
    assert int(task.graph.batch[-1]) == 59


def test_some_graphs_are_a_batch_of_them(dataset):
    task, index = Task.from_data(dataset), torch.tensor([7, 2, 40])
    some = take_graphs(task.graph, index)
    for place, number in enumerate(index.tolist()):
        nodes = some.batch == place
        wanted = dataset[number]
        assert torch.equal(some.x[nodes], wanted.x)
        arcs = nodes[some.edge_index[0]]
        first = int(nodes.nonzero()[0])
        assert torch.equal(some.edge_index[:, arcs] - first, wanted.edge_index)
        assert torch.equal(some.edge_attr[arcs], wanted.edge_attr)


def test_predictions_are_those_of_a_batch_of_pyg(dataset):
    task = GraphTask.from_graphs(dataset, batch_size=7)
    net = MoleculeGINE(1, 8, 2).eval()
    batch = Batch.from_data_list(list(dataset))
    expected = net(batch.x, batch.edge_index, batch.edge_attr, batch.batch)
    assert torch.allclose(task.infer(net), expected, atol=1e-6)


def test_an_epoch_is_every_training_graph_once_in_an_order_of_its_own(dataset):
    task, seen = GraphTask.from_graphs(dataset, batch_size=10), {}
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        torch.manual_seed(epoch)  # of no effect
        steps = [step for step, _ in task.steps(epoch, seed)]
        assert [step.train.index.numel() for step in steps] == [10, 10, 10, 6]
        order = torch.cat([step.train.index for step in steps])
        assert order.sort().values.tolist() == list(range(36))
        seen[seed, epoch] = order.tolist()
        for step in steps:
            assert torch.equal(step.train.y[:, 0], step.train.index % 2)
    assert len(set(map(tuple, seen.values()))) == 3
    again = torch.cat([step.train.index for step, _ in task.steps(1, 0)])
    assert again.tolist() == seen[0, 1]


def test_the_loss_of_a_step_is_that_of_its_rows(dataset):
    task = GraphTask.from_graphs(dataset, batch_size=10)
    net = factory().eval()
    whole = task.predict(net)
    step, _ = next(task.steps(0, 0))
    rows = step.predict(net)
    assert torch.allclose(rows, whole[step.train.index], atol=1e-6)
    logits, labels = whole[step.train.index], step.train.y
    expected = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
    assert torch.allclose(step.train_loss(rows), expected)


@pytest.mark.parametrize(('name', 'labels'), [('ogbg-molhiv', 1), ('ogbg-molbbbp', 1)])
def test_scores_are_those_of_the_evaluator_to_the_bit(name, labels):
    graphs = rings(labels=labels)
    graphs[40].y[0, 0] = float('nan')
    graphs[55].y[0, 0] = -1
    task = Task.from_data(collate(graphs))
    out = torch.randn(60, labels).round()
    y = torch.cat([graph.y for graph in graphs])
    y[y < 0] = float('nan')
    evaluator = make_evaluator(name)
    for found, rows in (
        (task.val_score(out), slice(36, 48)),
        (task.test_score(out), slice(48, 60)),
    ):
        told = evaluator.eval({'y_true': y[rows], 'y_pred': out[rows]})
        assert found == told['rocauc']


def test_several_labels_some_of_them_missing():
    graphs = rings(labels=3)
    graphs[0].y[0, 1:] = float('nan')
    graphs[1].y[:] = -1
    task = Task.from_data(collate(graphs, metric='micro_f1'))
    assert task.out_channels == 3
    assert 1 not in task.train.index
    out = torch.randn(60, 3, requires_grad=True)
    task.train_loss(out).backward()
    assert out.grad[0, 1:].tolist() == [0.0, 0.0]
    assert out.grad[1].tolist() == [0.0] * 3


def test_one_of_several_classes():
    graphs = rings()
    for number, graph in enumerate(graphs):
        graph.y = torch.tensor([[number % 3]])
    task = Task.from_data(collate(graphs, metric='accuracy'))
    assert task.out_channels == 3
    assert task.val_score(torch.eye(3)[torch.arange(60) % 3]) == 1.0


def test_training_learns_and_runs_no_test_graph(dataset):
    task = GraphTask.from_graphs(dataset, batch_size=12)
    torch.manual_seed(0)
    net, seen = MoleculeGINE(1, 16, 2, dropout=0.0), []
    net.atoms.register_forward_pre_hook(lambda _, args: seen.append(args[0].size(0)))
    course = fit(net, task, Training(epochs=15, weight_decay=0.0))
    nodes = torch.bincount(task.graph.batch)
    assert sum(seen) == 15 * int(nodes[:48].sum())
    assert course.best_val > 0.9
    assert course.loss[-1] < course.loss[0]
    scores = task.evaluate(net)
    assert scores.val == course.best_val
    assert scores.test > 0.9


def test_an_interrupted_training_goes_on_with_the_same_batches(dataset, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 2:
            raise Stop

    task, training = GraphTask.from_graphs(dataset, batch_size=9), Training(epochs=4)
    start = factory().state_dict()

    def net():
        made = factory()
        made.load_state_dict(start)
        return made

    with pytest.raises(Stop):
        fit(net(), task, training, watch=Watch((stop,), tmp_path, every=0.0))
    resumed = fit(net(), task, training, watch=Watch((), tmp_path))
    assert resumed.loss == fit(net(), task, training).loss


def test_test_labels_change_no_bit_of_what_is_found():
    flipped = rings()
    for graph in flipped[48:]:
        graph.y = 1 - graph.y
    for search in (
        Dense(Training(epochs=3)),
        Teddy(training=Training(epochs=3), distillation=0.0),
        OneShot(training=Training(epochs=3)),
    ):
        one, two = (
            search.search(factory, collate(graphs), seed=1)
            for graphs in (rings(), flipped)
        )
        for name, weight in one.trained.items():
            assert torch.equal(weight, two.trained[name]), name


def test_a_ticket_sparsifies_all_graphs_at_once(dataset):
    task = Task.from_data(dataset)
    search = Teddy(0.25, 0.4, distillation=0.0, training=Training(epochs=3))
    ticket = search.search(factory, task, seed=0)
    net, graph = ticket.apply(factory, task.graph)
    assert to_adjacency(graph).num_edges < to_adjacency(task.graph).num_edges
    assert graph.edge_attr.size(0) == graph.num_edges
    assert 0 <= task.evaluate(net, graph).test <= 1


@pytest.mark.parametrize(
    ('search', 'needs'),
    [(Teddy, 'distillation=0'), (UGS, 'A mask of every edge'), (LearnedGate, 'A gate')],
)
def test_what_needs_the_whole_graph_is_refused_before_anything_runs(
    dataset, search, needs
):
    def stop(step):
        raise AssertionError('ran')

    message = f'{needs}.* needs the whole graph .* GraphTask runs in batches'
    with pytest.raises(InputError, match=message):
        search().search(factory, dataset, watch=Watch((stop,)))


def test_elsewhere_it_is_the_same_task(dataset):
    task, net = GraphTask.from_graphs(dataset), factory()
    assert task.to('cpu').validate(net) == task.validate(net)


def test_bad_graphs_get_one_error(dataset):
    graphs = rings()
    with pytest.raises(InputError, match='graph 40 is in several parts'):
        Task.from_data(collate(graphs, {'test': torch.tensor([40, 50])}))
    with pytest.raises(InputError, match='batch_size is 0'):
        GraphTask.from_graphs(dataset, batch_size=0)
    with pytest.raises(InputError, match='Only 30 of 60 graphs'):
        Task.from_data(dataset[:30])
    graphs[2].x, graphs[2].edge_index = graphs[2].x[:0], graphs[2].edge_index[:, :0]
    graphs[2].edge_attr = graphs[2].edge_attr[:0]
    with pytest.raises(InputError, match='Graph 2 has no nodes'):
        Task.from_data(collate(graphs))
    graphs = rings()
    for graph in graphs[36:48]:
        graph.y[:] = -1
    with pytest.raises(InputError, match="'valid' of the split has no labelled graph"):
        Task.from_data(collate(graphs))


def test_real_molecules_learn_and_evaluate(real):
    task = GraphTask.from_graphs(real('ogbg-molbace'), batch_size=128)
    torch.manual_seed(0)
    net = MoleculeGINE(1, 16, 2)
    course = fit(net, task, Training(epochs=2, weight_decay=0.0))
    assert course.loss[1] < course.loss[0]
    scores = task.evaluate(net)
    assert scores.val == course.best_val
    assert not math.isnan(scores.test)
