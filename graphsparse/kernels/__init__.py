"""Pure functions on tensors: sparse products, reductions over rows, selections.

Every differentiable op is a ``torch.library`` custom op with a fake and an autograd
formula. On the CPU it runs native C++ where that was built, else the plain torch
reference in :mod:`graphsparse.kernels.reference`.
"""

from graphsparse.kernels.common_neighbors import common_neighbors
from graphsparse.kernels.layout import transpose_csr
from graphsparse.kernels.native import native_ops
from graphsparse.kernels.pattern import Pattern
from graphsparse.kernels.sddmm import sddmm
from graphsparse.kernels.segment import segment_reduce, segment_softmax
from graphsparse.kernels.select import compact, global_topk
from graphsparse.kernels.spmm import spmm

__all__ = [
    'Pattern',
    'common_neighbors',
    'compact',
    'global_topk',
    'native_ops',
    'sddmm',
    'segment_reduce',
    'segment_softmax',
    'spmm',
    'transpose_csr',
]
