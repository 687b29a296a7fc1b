"""Convs on our kernels, and the models that the papers train with them."""

from graphsparse.nn.accelerate import accelerate
from graphsparse.nn.conv import GATConv, GCNConv, GINConv, SAGEConv, SparseConv
from graphsparse.nn.features import dropout
from graphsparse.nn.masked import MaskedNet
from graphsparse.nn.models import (
    GAT,
    GCN,
    GIN,
    SAGE,
    ModelRecipe,
    ReferenceModel,
    RewiredGCN,
)
from graphsparse.nn.reparametrized import Reparametrized
from graphsparse.nn.sparse_linear import SparseLinear

__all__ = [
    'GAT',
    'GCN',
    'GIN',
    'SAGE',
    'GATConv',
    'GCNConv',
    'GINConv',
    'MaskedNet',
    'ModelRecipe',
    'ReferenceModel',
    'Reparametrized',
    'RewiredGCN',
    'SAGEConv',
    'SparseConv',
    'SparseLinear',
    'accelerate',
    'dropout',
]
