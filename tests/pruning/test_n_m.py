import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.pruning.n_m import select_n_m


def test_the_best_of_every_block_and_all_that_is_left_over():
    score = torch.tensor([[1.0, 4, 2, 3, 9, 8, 0, 7, 0], [5, 5, 5, 5, 1, 0, 0, 1, 0]])
    keep = select_n_m(score, 2, 4)
    assert keep.int().tolist() == [
        [0, 1, 0, 1, 1, 1, 0, 0, 1],
        [1, 1, 0, 0, 1, 0, 0, 1, 1],
    ]


@given(
    st.integers(1, 4), st.integers(1, 14), st.integers(1, 5), st.data(), st.integers()
)
def test_exact_in_every_block(rows, columns, m, data, seed):
    n = data.draw(st.integers(1, m))
    generator = torch.Generator().manual_seed(seed % 2**32)
    score = torch.rand(rows, columns, generator=generator)
    keep = select_n_m(score, n, m)
    whole = columns - columns % m
    assert keep[:, whole:].all()
    for row in range(rows):
        for start in range(0, whole, m):
            block = score[row, start : start + m]
            kept = keep[row, start : start + m]
            assert int(kept.sum()) == n
            assert n == m or block[kept].min() >= block[~kept].max()
