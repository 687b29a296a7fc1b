import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.scaling import CorrectAndSmooth, Decoupled, EnGCN, LabelReuse
from graphsparse.scaling.base import one_hot_labels
from graphsparse.training import Task

from ..training.test_link import split_links


def test_labels_of_training_nodes_alone(small):
    labels = one_hot_labels(Task.from_data(small), 'A method')
    assert torch.equal(labels.sum(1) == 1, small.train_mask)
    assert torch.equal(labels.argmax(1)[small.train_mask], small.y[small.train_mask])


@pytest.mark.parametrize('branch', [CorrectAndSmooth(), EnGCN(), LabelReuse()])
def test_several_labels_a_node_are_refused(branch, small):
    small.y = torch.nn.functional.one_hot(small.y, 3).float()
    with pytest.raises(InputError, match=r"one class a node .* 'roc_auc'"):
        branch.run(small)


def test_links_are_refused():
    task = Task.from_data(split_links())
    with pytest.raises(InputError, match=r'classifies nodes .* LinkTask'):
        Decoupled().run(task)
