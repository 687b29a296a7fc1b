import math

import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.evaluation import effective_rank


def test_orthogonal_directions_of_one_length_all_count():
    for width in (1, 2, 5):
        assert effective_rank(torch.eye(7)[:, :width]) == pytest.approx(width)


def test_one_line_is_1_at_any_scale():
    line = torch.linspace(1, 2, 6).unsqueeze(1) * torch.tensor([1.0, -2.0, 0.5])
    for scale in (1e-40, 1.0, 1e30):
        assert effective_rank(scale * line) == pytest.approx(1, abs=1e-4)


def test_two_lengths():
    """Singular values 3 and 1: shares 3/4 and 1/4."""
    entropy = -(0.75 * math.log(0.75) + 0.25 * math.log(0.25))
    h = torch.diag(torch.tensor([3.0, 1.0]))
    assert effective_rank(h) == pytest.approx(math.exp(entropy))
    turn = torch.linalg.qr(torch.randn(2, 2, dtype=torch.float64))[0]
    assert effective_rank(h.double() @ turn) == pytest.approx(math.exp(entropy))


def test_nothing_and_not_finite():
    assert effective_rank(torch.zeros(4, 3)) == effective_rank(torch.zeros(0, 3)) == 0
    assert math.isnan(effective_rank(torch.tensor([[1.0, math.inf]])))


def test_bad_input():
    with pytest.raises(InputError, match=r'\[3\]'):
        effective_rank(torch.ones(3))
