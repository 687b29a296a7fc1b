import math

import torch

from graphsparse.evaluation import accuracy


def test_share_of_rows_with_the_label_on_top():
    out = torch.tensor([[2.0, 1.0], [0.0, 3.0], [1.0, 0.0]])
    assert accuracy(out, torch.tensor([0, 1, 1])) == 2 / 3


def test_nothing_to_score_is_nan():
    assert math.isnan(accuracy(torch.empty(0, 2), torch.empty(0, dtype=torch.long)))
