"""Pure functions on tensors: sparse products, row reductions, selections, samples.

Every differentiable op is a ``torch.library`` custom op with a fake and an autograd
formula. On the CPU it runs native C++ where that was built, else the plain torch
reference in :mod:`graphsparse.kernels.reference`. Samplers draw by counting
(:mod:`graphsparse.kernels.streams`): native and reference give the same sample.
"""

from graphsparse.kernels.bits import pack_bits, unpack_bits
from graphsparse.kernels.common_neighbors import common_neighbors
from graphsparse.kernels.gat_aggregate import gat_aggregate
from graphsparse.kernels.induced_subgraph import induced_subgraph
from graphsparse.kernels.layout import transpose_csr
from graphsparse.kernels.native import native_ops
from graphsparse.kernels.pattern import Pattern
from graphsparse.kernels.random_walk import random_walk
from graphsparse.kernels.sample_layer import LayerSample, sample_layer
from graphsparse.kernels.sample_neighbors import NeighborSample, sample_neighbors
from graphsparse.kernels.sddmm import sddmm
from graphsparse.kernels.segment import segment_reduce, segment_softmax
from graphsparse.kernels.select import compact, global_topk, kth_value
from graphsparse.kernels.sparse_linear import sparse_linear
from graphsparse.kernels.spmm import spmm

__all__ = [
    'LayerSample',
    'NeighborSample',
    'Pattern',
    'common_neighbors',
    'compact',
    'gat_aggregate',
    'global_topk',
    'induced_subgraph',
    'kth_value',
    'native_ops',
    'pack_bits',
    'random_walk',
    'sample_layer',
    'sample_neighbors',
    'sddmm',
    'segment_reduce',
    'segment_softmax',
    'sparse_linear',
    'spmm',
    'transpose_csr',
    'unpack_bits',
]
