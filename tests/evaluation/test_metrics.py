import math

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.engine import InputError
from graphsparse.evaluation import accuracy, ood_score, roc_auc
from tests.helpers import modest


def test_share_of_rows_with_the_label_on_top():
    out = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    assert accuracy(out, torch.tensor([0, 1, 1])) == 2 / 3


def test_nothing_to_score_is_nan():
    assert math.isnan(accuracy(torch.empty(0, 2), torch.empty(0, dtype=torch.long)))


def brute_force(score, positive):
    """Every positive against every negative."""
    ahead = np.subtract.outer(score[positive], score[~positive])
    return ((ahead > 0) + 0.5 * (ahead == 0)).mean()


@modest
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2).filter(
        lambda rows: len({kind for _, kind in rows}) == 2
    )
)
def test_roc_auc_is_the_share_of_pairs_in_order(rows):
    score, positive = (np.array(column) for column in zip(*rows, strict=True))
    found = roc_auc(torch.tensor(score).float(), torch.tensor(positive))
    assert found == pytest.approx(brute_force(score, positive), abs=1e-14)


def test_roc_auc_at_its_ends():
    positive = torch.tensor([True, False, True, False])
    assert roc_auc(torch.tensor([2.0, 0.0, 3.0, 1.0]), positive) == 1.0
    assert roc_auc(torch.tensor([0.0, 2.0, 1.0, 3.0]), positive) == 0.0
    assert roc_auc(torch.ones(4), positive) == 0.5


def test_roc_auc_without_an_answer_is_nan():
    score = torch.tensor([1.0, 2.0])
    assert math.isnan(roc_auc(score, torch.tensor([True, True])))
    assert math.isnan(roc_auc(score, torch.tensor([False, False])))
    spoilt = torch.tensor([1.0, float('nan')])
    assert math.isnan(roc_auc(spoilt, torch.tensor([True, False])))


def test_roc_auc_refuses_what_does_not_fit():
    with pytest.raises(InputError, match=r'\[3\] and \[2\]'):
        roc_auc(torch.ones(3), torch.ones(2).bool())
    with pytest.raises(InputError, match=r'boolean.*int64'):
        roc_auc(torch.ones(2), torch.tensor([0, 1]))


def test_ood_score_is_minus_the_largest_probability():
    logits = torch.tensor([[0.0, 0.0], [math.log(3), 0.0]])
    assert ood_score(logits).tolist() == pytest.approx([-0.5, -0.75])


def test_ood_score_still_orders_what_single_precision_calls_certain():
    logits = torch.tensor([[20.0, 0.0], [25.0, 0.0]])
    assert logits.softmax(1).amax(1).unique().numel() == 1
    assert ood_score(logits)[0] > ood_score(logits)[1]
