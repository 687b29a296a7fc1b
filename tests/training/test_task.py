import pytest
import torch
from torch_geometric.data import HeteroData
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.training import NodeTask, Task, as_task, check_whole


def test_what_a_method_sees_holds_no_labels(small):
    task = Task.from_data(small)
    assert isinstance(task, NodeTask)
    assert set(task.graph.keys()) == {'x', 'edge_index', 'num_nodes'}
    assert task.out_channels == 3
    assert 'y' in small and 'train_mask' in small  # the caller's stays whole


def test_a_task_passes_as_it_is(small):
    task = as_task(small)
    assert as_task(task) is task
    with pytest.raises(InputError, match='HeteroData'):
        as_task(HeteroData())


def test_infer_puts_the_mode_back(small):
    task = Task.from_data(small)

    class Model(torch.nn.Module):
        modes = []

        def forward(self, x, edge_index):
            self.modes.append(self.training)
            return x

    model = Model().train()
    out = task.infer(model)
    assert model.training and model.modes == [False] and not out.requires_grad
    model.eval()
    task.infer(model)
    assert not model.training


def test_edge_weights_reach_the_model(small):
    small.edge_weight = torch.rand(small.num_edges)
    seen = {}

    class Model(torch.nn.Module):
        def forward(self, x, edge_index, edge_weight=None):
            seen['weight'] = edge_weight
            return x

    Task.from_data(small).predict(Model())
    assert torch.equal(seen['weight'], small.edge_weight)


def test_evaluate_reads_validation_and_test(small):
    task = Task.from_data(small)
    truth = torch.nn.functional.one_hot(small.y, 3).float()
    wrong = truth.roll(1, 1)
    mixed = torch.where(small.test_mask.unsqueeze(1), wrong, truth)

    class Model(torch.nn.Module):
        def forward(self, x, edge_index):
            return mixed

    assert task.evaluate(Model()) == (1.0, 0.0)


def test_one_step_an_epoch_on_all_of_it(small):
    task = Task.from_data(small)
    assert list(task.steps(3, 1)) == [(task, None)]
    sparser = small.clone()
    assert list(task.steps(3, 1, sparser)) == [(task, sparser)]
    assert task.device == small.x.device
    check_whole(task, 'anything')


def test_validation_is_that_of_the_model_as_it_is(small):
    task = Task.from_data(small)
    torch.manual_seed(0)
    net = GCN(16, 8, 2, 3, dropout=0.5).train()
    assert task.validate(net) == task.val_score(task.infer(net))
    assert net.training
