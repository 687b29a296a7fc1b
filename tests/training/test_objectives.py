import pytest
import torch
import torch.nn.functional as F

from graphsparse.engine import InputError
from graphsparse.training.objectives import (
    OBJECTIVES,
    binary_cross_entropy,
    read_labels,
)

NAN = float('nan')


def test_missing_labels_are_in_no_loss():
    out = torch.tensor([[1.0, -2.0], [0.5, 3.0]], requires_grad=True)
    y = torch.tensor([[1.0, NAN], [NAN, 0.0]])
    expected = (F.softplus(torch.tensor(-1.0)) + F.softplus(torch.tensor(3.0))) / 2
    loss = binary_cross_entropy(out, y)
    assert torch.allclose(loss, expected)
    loss.backward()
    assert (out.grad == 0).tolist() == [[False, True], [True, False]]


def test_a_class_a_row():
    y, known, width = read_labels(torch.tensor([2.0, NAN, -1, 0]), 4, None, 'nodes')
    assert known.tolist() == [True, False, False, True]
    assert (y[known].tolist(), y.dtype, width) == ([2, 0], torch.long, 3)
    column = read_labels(torch.tensor([[2], [1]]), 2, 'accuracy', 'nodes')
    assert (column.y.tolist(), column.out_channels) == ([2, 1], 3)


def test_several_labels_a_row():
    given = torch.tensor([[1, 0, -1], [-1, -1, -1]])
    y, known, width = read_labels(given, 2, None, 'graphs')
    assert y[0, :2].tolist() == [1.0, 0.0]
    assert y[0, 2].isnan()
    assert y[1].isnan().all()
    assert (known.tolist(), width) == ([True, False], 3)


def test_two_classes_can_be_one_label():
    y, _, width = read_labels(torch.tensor([1, 0, -1]), 3, 'roc_auc', 'nodes')
    assert (y[:2].tolist(), width) == ([[1.0], [0.0]], 1)


@pytest.mark.parametrize(
    ('y', 'metric', 'message'),
    [
        (torch.zeros(3), None, r'4 nodes \(got shape \[3\]\)'),
        (torch.zeros(4, 2), 'accuracy', 'one class for each of the 4 nodes.*roc_auc'),
        (torch.full((4, 2), 2.0), None, r'y\[0, 0\] is 2\.0'),
        (torch.zeros(4), 'roc_aux', "'roc_aux'.*roc_auc"),
    ],
)
def test_labels_that_do_not_fit(y, metric, message):
    with pytest.raises(InputError, match=message):
        read_labels(y, 4, metric, 'nodes')


def test_logits_of_another_width():
    with pytest.raises(InputError, match=r'\[4, 8\] for labels \[4, 1\]'):
        binary_cross_entropy(torch.zeros(4, 8), torch.zeros(4, 1))


def test_every_metric_has_a_loss_and_a_score():
    assert set(OBJECTIVES) == {'accuracy', 'roc_auc', 'average_precision', 'micro_f1'}
