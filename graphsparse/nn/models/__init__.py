"""The nets that the papers train, on our convs."""

from graphsparse.nn.models.base import ReferenceModel
from graphsparse.nn.models.gat import GAT
from graphsparse.nn.models.gcn import GCN
from graphsparse.nn.models.gin import GIN
from graphsparse.nn.models.recipe import ModelRecipe, count_parameters
from graphsparse.nn.models.rewired_gcn import RewiredGCN
from graphsparse.nn.models.sage import SAGE

__all__ = [
    'GAT',
    'GCN',
    'GIN',
    'SAGE',
    'ModelRecipe',
    'ReferenceModel',
    'RewiredGCN',
    'count_parameters',
]
