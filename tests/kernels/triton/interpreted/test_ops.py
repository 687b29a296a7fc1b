"""What the custom ops run on CUDA tensors, against what they run on the CPU."""

from importlib import import_module

import pytest
import torch

from tests.kernels.triton.operands import close, draw, make_keep, make_pattern

PATTERN = make_pattern(perm=True)
SLOTS, ROWS = PATTERN.col.numel(), PATTERN.rowptr.numel() - 1
HERE, BACK, KEEP = PATTERN[:3], PATTERN[3:], make_keep(PATTERN)
X, VALUE, GRAD = draw(9, 2, 5), draw(SLOTS, 2, seed=1), draw(ROWS, 2, 5, seed=2)
PLAIN = make_pattern()
SCORES = X, draw(9, 2, seed=3), draw(ROWS, 2, seed=4), None, torch.tensor(5)


def spmm_max_back():
    op = import_module('graphsparse.kernels.spmm_max').spmm_max_op
    out = op(*HERE, KEEP, VALUE, X, *BACK, True)
    return *HERE, KEEP, VALUE, X, out, GRAD, *BACK


def gat_back():
    op = import_module('graphsparse.kernels.gat_aggregate').gat_op
    saved = op(*HERE, *SCORES, *BACK, 0.2, 0.5)
    return *HERE, *BACK, *SCORES, *saved, GRAD, 0.2, 0.5


CASES = {
    ('spmm', 'spmm_op', '_spmm_cuda'): (*HERE, KEEP, VALUE, X, *BACK, True),
    ('spmm', 'spmm_backward_op', '_back_cuda'): (*BACK, KEEP, VALUE, X, GRAD, *HERE),
    ('spmm_max', 'spmm_max_op', '_max_cuda'): (*HERE, KEEP, VALUE, X, *BACK, False),
    ('spmm_max', 'spmm_max_backward_op', '_back_cuda'): spmm_max_back,
    ('sddmm', 'sddmm_op', '_dot_cuda'): (*HERE, KEEP, GRAD, X, *BACK),
    ('sddmm', 'sddmm_add_op', '_add_cuda'): (*HERE, GRAD[..., 0], X[..., 0], *BACK),
    ('segment', 'segment_reduce_op', '_reduce_cuda'): (PATTERN.rowptr, VALUE, 'max'),
    ('segment', 'segment_softmax_op', '_softmax_cuda'): (PATTERN.rowptr, VALUE),
    ('segment', 'softmax_backward_op', '_softmax_back_cuda'): (
        *(PATTERN.rowptr, VALUE, draw(SLOTS, 2, seed=6)),
    ),
    ('gat_aggregate', 'gat_op', '_gat_cuda'): (*HERE, *SCORES, *BACK, 0.2, 0.5),
    ('gat_aggregate', 'gat_backward_op', '_gat_back_cuda'): gat_back,
    ('sparse_linear', 'sparse_linear_op', '_linear_cuda'): (
        *(PLAIN.rowptr, PLAIN.col, VALUE[:, 0], draw(6, 9), *PLAIN[3:]),
    ),
}


@pytest.mark.parametrize(('module', 'op', 'cuda'), CASES)
def test_cuda_and_cpu_say_the_same(module, op, cuda):
    args = CASES[module, op, cuda]
    args = args() if callable(args) else args
    found = import_module(f'graphsparse.kernels.{module}')
    ours, theirs = getattr(found, cuda)(*args), getattr(found, op)(*args)
    pairs = (
        [(ours, theirs)]
        if isinstance(ours, torch.Tensor)
        else zip(ours, theirs, strict=True)
    )
    for a, b in pairs:
        assert a.is_contiguous() and a.dtype == b.dtype
        close(a, b)
