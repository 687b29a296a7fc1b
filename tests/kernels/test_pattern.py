import pytest
import torch

from graphsparse.kernels import Pattern
from graphsparse.kernels.pattern import row_ids
from tests.helpers import densify, random_pattern


@pytest.mark.parametrize('perm', [False, True])
def test_the_transposed_pattern_goes_over_the_same_values(perm):
    pattern = random_pattern(7, 5, 30, perm=perm)
    value = torch.arange(30.0)
    flipped = pattern.transpose()
    assert torch.equal(densify(flipped, value), densify(pattern, value).t())
    back = flipped.transpose()
    assert all(a is b for a, b in zip(back, pattern, strict=True))


def test_no_transpose_to_be_had():
    with pytest.raises(ValueError, match='without its transpose'):
        Pattern(torch.tensor([0, 1]), torch.tensor([0])).transpose()


def test_row_of_each_slot():
    assert row_ids(torch.tensor([0, 0, 2, 3, 3]), 3).tolist() == [1, 1, 2]
    assert row_ids(torch.tensor([0]), 0).tolist() == []
