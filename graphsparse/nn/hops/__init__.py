"""Nets over propagated features: a row is a node with all its hops, no graph."""

from graphsparse.nn.hops.base import HopNet
from graphsparse.nn.hops.gamlp import GAMLP
from graphsparse.nn.hops.label_net import LabelNet
from graphsparse.nn.hops.mlp import MLP
from graphsparse.nn.hops.sagn import SAGN
from graphsparse.nn.hops.sgc import SGC
from graphsparse.nn.hops.sign import SIGN

__all__ = ['GAMLP', 'MLP', 'SAGN', 'SGC', 'SIGN', 'HopNet', 'LabelNet']
