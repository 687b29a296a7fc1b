import pytest
import torch
import torch.nn.functional as F
from torch_geometric.nn import GCN

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.evaluation import ood_score, roc_auc
from graphsparse.tickets import Dense
from graphsparse.training import Task, Training, leave_classes_out
from tests.helpers import arcs_of


@pytest.fixture
def five():
    return csbm(200, num_classes=5, degree=6.0, train_per_class=8, seed=2)


def factory():
    return GCN(16, 8, 2, 4)


def test_nodes_of_left_out_classes_leave_all_parts_and_stay_in_the_graph(five):
    task = Task.from_data(five)
    part = leave_classes_out(task, classes=[3, 1])
    assert part.left_out == (1, 3) and part.classes == (0, 2, 4)
    assert part.out_channels == 3
    known = (five.y != 1) & (five.y != 3)
    for name in ('train', 'val', 'test'):
        expected = (five[f'{name}_mask'] & known).nonzero().squeeze(1)
        assert torch.equal(part.index(name), expected)
    assert torch.equal(part.graph.x, five.x)
    assert arcs_of(part.graph.edge_index) == arcs_of(five.edge_index)
    assert task.out_channels == 5 and task.train.index.numel() == 40


def test_labels_are_the_places_of_their_classes(five):
    part = leave_classes_out(Task.from_data(five), classes=[1, 3])
    right = torch.tensor([0, -1, 1, -1, 2])[five.y]
    out = F.one_hot(right.clamp(min=0), 3).float()
    assert torch.equal(part.train.y, right[part.train.index])
    assert part.val_score(out) == part.test_score(out) == 1.0


@pytest.mark.parametrize(('classes', 'count'), [(7, 2), (6, 2), (3, 1), (5, 2)])
def test_fraction_of_the_classes_rounded_down(classes, count):
    data = csbm(300, num_classes=classes, train_per_class=8)
    drawn = [leave_classes_out(Task.from_data(data), seed=seed) for seed in range(9)]
    assert {len(task.left_out) for task in drawn} == {count}
    again = leave_classes_out(Task.from_data(data), seed=0)
    assert again.left_out == drawn[0].left_out
    assert len({task.left_out for task in drawn}) > 1


def test_auc_is_of_test_nodes_with_strange_ones_positive(five):
    part = leave_classes_out(Task.from_data(five), classes=[0, 4])
    out = torch.randn(200, 3, generator=torch.Generator().manual_seed(0))
    test = five.test_mask.nonzero().squeeze(1)
    strange = (five.y[test] == 0) | (five.y[test] == 4)
    assert part.ood_auc(out) == roc_auc(ood_score(out[test]), strange)
    # Sure of known test nodes alone; of all other nodes whatever it says is not read.
    sure = torch.zeros(200, 3)
    sure[~five.test_mask, 0] = 9.0
    sure[test[~strange], 1] = 5.0
    assert part.ood_auc(sure) == 1.0
    sure[test[strange], 1] = 6.0
    assert part.ood_auc(sure) == 0.0
    assert part.ood_auc(torch.zeros(200, 3)) == 0.5


def test_a_search_runs_on_it_and_never_reads_which_nodes_are_strange(five):
    other = five.clone()
    strange = five.test_mask & (five.y == 4)
    other.y[strange.nonzero()[:5]] = 2  # as if they were of a known class
    aucs, weights = [], []
    for data in (five, other):
        part = leave_classes_out(Task.from_data(data), classes=[4])
        ticket = Dense(Training(epochs=5)).search(factory, part)
        model, graph = ticket.apply(factory, part.graph)
        aucs.append(part.evaluate_ood(model, graph))
        assert aucs[-1] == part.ood_auc(part.infer(model))
        weights.append(ticket.trained)
    assert all(torch.equal(weights[0][n], weights[1][n]) for n in weights[0])
    assert aucs[0] != aucs[1]


def test_what_a_method_sees_holds_no_labels(five):
    part = leave_classes_out(Task.from_data(five), classes=[4])
    assert set(part.graph.keys()) == {'x', 'edge_index', 'num_nodes'}


def test_it_moves_to_a_device_whole(five):
    part = leave_classes_out(Task.from_data(five), classes=[1]).to('meta')
    assert part.left_out == (1,)
    held = [part._strange, part.train.index, part._test.y, part.graph.x]
    assert {tensor.device.type for tensor in held} == {'meta'}


def test_what_cannot_be_left_out(five):
    task = Task.from_data(five)
    with pytest.raises(InputError, match='Class 5 is not among 0 to 4'):
        leave_classes_out(task, classes=[5])
    for classes in ([], [0, 1, 2, 3]):
        with pytest.raises(InputError, match='at least two have'):
            leave_classes_out(task, classes=classes)
    with pytest.raises(InputError, match=r'fraction is 1.5'):
        leave_classes_out(task, fraction=1.5)
    fewer = five.clone()
    fewer.val_mask = five.val_mask & (five.y == 0)
    with pytest.raises(InputError, match=r'Without classes \[0\] val has no nodes'):
        leave_classes_out(Task.from_data(fewer), classes=[0])
    five.test_mask = five.test_mask & (five.y != 0)
    with pytest.raises(InputError, match=r'No test node is .* left out, \[0\]'):
        leave_classes_out(Task.from_data(five), classes=[0])
