"""Loaders for graphs too large for full batches; no compiled extensions of PyG."""

from graphsparse.loading.cluster import ClusterLoader
from graphsparse.loading.hops import HopStore
from graphsparse.loading.inference import infer_layerwise
from graphsparse.loading.layer_wise import LayerLoader
from graphsparse.loading.link_loader import LinkNeighborLoader
from graphsparse.loading.neighbor import NeighborSampler
from graphsparse.loading.neighbor_loader import NeighborLoader
from graphsparse.loading.partition import partition_nodes
from graphsparse.loading.saint import SaintLoader

__all__ = [
    'ClusterLoader',
    'HopStore',
    'LayerLoader',
    'LinkNeighborLoader',
    'NeighborLoader',
    'NeighborSampler',
    'SaintLoader',
    'infer_layerwise',
    'partition_nodes',
]
