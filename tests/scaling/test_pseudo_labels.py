import dataclasses

import pytest
import torch

from graphsparse.scaling import PseudoLabelState
from graphsparse.training.node import Part

LOGITS = torch.tensor([[9.0, 0], [0, 9], [1, 0], [0, 9], [0, 1], [9, 0]])


@pytest.fixture
def train():
    return Part(torch.tensor([1, 2]), torch.tensor([0, 1]))


def test_sure_predictions_join_and_training_labels_stay(train):
    start = PseudoLabelState.of(train, 6)
    grown = start.grow(LOGITS, 0.9)
    assert start.mask.tolist() == [False, True, True, False, False, False]
    assert grown.mask.tolist() == [True, True, True, True, False, True]
    part = grown.part()
    assert part.index.tolist() == [0, 1, 2, 3, 5]
    assert part.y.tolist() == [0, 0, 1, 1, 0]  # node 1 is predicted 1


def test_none_is_dropped_and_a_class_may_change(train):
    grown = PseudoLabelState.of(train, 6).grow(LOGITS, 0.9)
    again = grown.grow(torch.tensor([[0.0, 9]]).expand(6, 2) * LOGITS.flip(1), 0.9)
    assert (again.mask | ~grown.mask).all()
    assert again.target[0] == 1 and grown.target[0] == 0
    assert again.target[[1, 2]].tolist() == [0, 1]


def test_thresholds(train):
    start = PseudoLabelState.of(train, 6)
    assert torch.equal(start.grow(LOGITS * 100, 1.1).mask, start.mask)
    everyone = start.grow(LOGITS, 0.0)
    assert everyone.mask.all()
    assert everyone.target[[1, 2]].tolist() == [0, 1]


def test_some_may_be_left_out(train):
    grown = PseudoLabelState.of(train, 6).grow(LOGITS, 0.9)
    without = torch.tensor([False, True, False, False, False, True])
    assert grown.part(without).index.tolist() == [0, 2, 3]


def test_the_split_cannot_be_changed(train):
    """Neither from outside nor by growing: an added node never counts as the split's.

    The leak of EnGCN's first version: the added nodes' true labels came back.
    """
    state = PseudoLabelState.of(train, 6).grow(LOGITS, 0.9)
    train.index[:] = 4
    train.y[:] = 1
    state.mask[:] = True
    state.target[:] = 1
    state.part().index[:] = 0
    grown = state.grow(torch.zeros(6, 2), 1.1)
    assert grown.mask.tolist() == [True, True, True, True, False, True]
    assert grown.target.tolist() == [0, 0, 1, 1, 0, 0]
    with pytest.raises(dataclasses.FrozenInstanceError):
        state._rows = grown.mask
