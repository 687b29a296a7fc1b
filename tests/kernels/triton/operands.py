"""Patterns and operands small enough for Triton's interpreter."""

import numpy as np
import torch

from graphsparse.kernels import Pattern, pack_bits, transpose_csr

# With chunks of 8 slots: rows that fit, that begin or end with a chunk, that span many,
# and two long ones that meet inside a chunk.
LENGTHS = [0, 8, 9, 0, 1, 22, 12, 0]
ROWS = len(LENGTHS)


def draw(*shape, dtype=torch.float64, seed=0):
    rng = np.random.default_rng(seed)
    return torch.as_tensor(rng.standard_normal(shape)).to(dtype)


def make_pattern(lengths=LENGTHS, cols=9, index=torch.int32, perm=False, seed=0):
    """A CSR with rows of these lengths and one column that most slots are in."""
    rng = np.random.default_rng(seed)
    slots = sum(lengths)
    rowptr = torch.tensor([0, *lengths]).cumsum(0)
    col = rng.integers(0, cols, slots)
    col = torch.as_tensor(np.where(rng.random(slots) < 0.4, cols // 2, col)).to(index)
    t_rowptr, t_col, t_perm = transpose_csr(rowptr, col, cols)
    if not perm:
        return Pattern(rowptr, col, None, t_rowptr, t_col, t_perm)
    place = torch.as_tensor(rng.permutation(slots)).to(index)
    return Pattern(rowptr, col, place, t_rowptr, t_col, place[t_perm.long()])


def make_keep(pattern, seed=3):
    """Bits for about two thirds of the entries; row 2 loses all of its slots."""
    rng = np.random.default_rng(seed)
    kept = torch.as_tensor(rng.random(pattern.col.numel()) < 0.66)
    row = torch.arange(*pattern.rowptr[2:4].tolist())
    kept[row if pattern.perm is None else pattern.perm[row].long()] = False
    return pack_bits(kept)


def close(found, expected, tol=None):
    """Equal up to what the type can tell."""
    tol = tol or {torch.float64: 1e-11, torch.float32: 2e-5}.get(found.dtype, 5e-2)
    assert found.shape == expected.shape
    torch.testing.assert_close(found.double(), expected.double(), rtol=tol, atol=tol)
