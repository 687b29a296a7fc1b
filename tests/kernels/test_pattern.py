import numpy as np
import pytest
import scipy.sparse
import torch

from graphsparse.kernels import Pattern, transpose_csr
from graphsparse.kernels.pattern import row_ids
from tests.helpers import densify, random_pattern


@pytest.mark.parametrize('index', [torch.int32, torch.int64])
@pytest.mark.parametrize(
    ('rows', 'cols', 'slots'), [(7, 5, 30), (5, 9, 12), (4, 3, 0), (0, 3, 0), (3, 0, 0)]
)
def test_transpose_equals_scipy(rows, cols, slots, index):
    pattern = random_pattern(rows, cols, slots, index)
    t_rowptr, t_col, t_perm = transpose_csr(pattern.rowptr, pattern.col, cols)
    assert t_rowptr.dtype == torch.int64
    assert t_col.dtype == t_perm.dtype == index
    csr = (np.arange(slots), pattern.col.numpy(), pattern.rowptr.numpy())
    theirs = scipy.sparse.csr_array(csr, shape=(rows, cols)).tocsc()
    assert np.array_equal(t_rowptr, theirs.indptr)
    assert np.array_equal(t_col, theirs.indices)
    assert np.array_equal(t_perm, theirs.data)  # the given order within a row


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
