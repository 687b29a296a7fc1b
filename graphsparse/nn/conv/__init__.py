"""PyG's convs on sparse kernels: same constructor, same state, same numbers."""

from graphsparse.nn.conv.base import SparseConv
from graphsparse.nn.conv.gat_conv import GATConv
from graphsparse.nn.conv.gcn_conv import GCNConv
from graphsparse.nn.conv.gin_conv import GINConv
from graphsparse.nn.conv.sage_conv import SAGEConv

__all__ = ['GATConv', 'GCNConv', 'GINConv', 'SAGEConv', 'SparseConv']
