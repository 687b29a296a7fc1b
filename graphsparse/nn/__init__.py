"""Convs on our kernels, and the models that the papers train with them."""

from graphsparse.nn.accelerate import accelerate, with_soft_masks
from graphsparse.nn.conv import GATConv, GCNConv, GINConv, SAGEConv, SparseConv
from graphsparse.nn.features import dropout
from graphsparse.nn.masked import MaskedNet
from graphsparse.nn.models import (
    APPNP,
    DAGNN,
    GAT,
    GCN,
    GCNII,
    GIN,
    GPRGNN,
    SAGE,
    SGC,
    DropEdge,
    JKNet,
    ModelRecipe,
    PairNorm,
    ReferenceModel,
    Residual,
    RewiredGCN,
)
from graphsparse.nn.reparametrized import Reparametrized
from graphsparse.nn.sparse_linear import SparseLinear

__all__ = [
    'APPNP',
    'DAGNN',
    'GAT',
    'GCN',
    'GCNII',
    'GIN',
    'GPRGNN',
    'SAGE',
    'SGC',
    'DropEdge',
    'GATConv',
    'GCNConv',
    'GINConv',
    'JKNet',
    'MaskedNet',
    'ModelRecipe',
    'PairNorm',
    'ReferenceModel',
    'Reparametrized',
    'Residual',
    'RewiredGCN',
    'SAGEConv',
    'SparseConv',
    'SparseLinear',
    'accelerate',
    'dropout',
    'with_soft_masks',
]
