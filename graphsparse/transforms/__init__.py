"""PyG transforms."""

from graphsparse.transforms.node_order import NodeOrder
from graphsparse.transforms.reorder import Reorder
from graphsparse.transforms.sparsify import Sparsify, sparsify

__all__ = ['NodeOrder', 'Reorder', 'Sparsify', 'sparsify']
