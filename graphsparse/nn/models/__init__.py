"""The nets that the papers train, on our convs."""

from graphsparse.nn.models.appnp import APPNP
from graphsparse.nn.models.base import ReferenceModel
from graphsparse.nn.models.dagnn import DAGNN
from graphsparse.nn.models.drop_edge import DropEdge
from graphsparse.nn.models.gat import GAT
from graphsparse.nn.models.gcn import GCN
from graphsparse.nn.models.gcnii import GCNII
from graphsparse.nn.models.gin import GIN
from graphsparse.nn.models.gprgnn import GPRGNN
from graphsparse.nn.models.jk_net import JKNet
from graphsparse.nn.models.molecule_gine import MoleculeGINE
from graphsparse.nn.models.pair_norm import PairNorm
from graphsparse.nn.models.recipe import ModelRecipe, count_parameters
from graphsparse.nn.models.residual import Residual
from graphsparse.nn.models.rewired_gcn import RewiredGCN
from graphsparse.nn.models.sage import SAGE
from graphsparse.nn.models.sgc import SGC

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
    'JKNet',
    'ModelRecipe',
    'MoleculeGINE',
    'PairNorm',
    'ReferenceModel',
    'Residual',
    'RewiredGCN',
    'count_parameters',
]
