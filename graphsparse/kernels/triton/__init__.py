"""The ops as Triton kernels for CUDA tensors, named and called as in the reference.

Nothing imports this package before a CUDA tensor is there: it needs triton, which a
CUDA build of torch brings along. Sums are written by one program each, never by
atomics: the same call gives the same bits.
"""

from graphsparse.kernels.triton.gat import gat_aggregate, gat_backward
from graphsparse.kernels.triton.sddmm import sddmm, sddmm_add
from graphsparse.kernels.triton.segment import (
    segment_reduce,
    segment_softmax,
    segment_softmax_backward,
)
from graphsparse.kernels.triton.sparse_linear import sparse_linear
from graphsparse.kernels.triton.spmm import spmm, spmm_backward, spmm_max_backward

__all__ = [
    'gat_aggregate',
    'gat_backward',
    'sddmm',
    'sddmm_add',
    'segment_reduce',
    'segment_softmax',
    'segment_softmax_backward',
    'sparse_linear',
    'spmm',
    'spmm_backward',
    'spmm_max_backward',
]
