"""Loaders for graphs too large for full batches; no compiled extensions of PyG."""

from graphsparse.loading.link_loader import LinkNeighborLoader
from graphsparse.loading.neighbor import NeighborSampler
from graphsparse.loading.neighbor_loader import NeighborLoader

__all__ = ['LinkNeighborLoader', 'NeighborLoader', 'NeighborSampler']
