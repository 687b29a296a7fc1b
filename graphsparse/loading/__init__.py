"""Loaders for graphs too large for full batches; no compiled extensions of PyG."""

from graphsparse.loading.base import Sampling
from graphsparse.loading.cluster import ClusterLoader, ClusterSampling
from graphsparse.loading.hops import HopStore
from graphsparse.loading.inference import infer_layerwise
from graphsparse.loading.layer_wise import LayerLoader, LayerSampling
from graphsparse.loading.link_loader import LinkNeighborLoader
from graphsparse.loading.neighbor import NeighborSampler
from graphsparse.loading.neighbor_loader import NeighborLoader, NeighborSampling
from graphsparse.loading.partition import partition_nodes
from graphsparse.loading.saint import SaintLoader, SaintSampling

__all__ = [
    'ClusterLoader',
    'ClusterSampling',
    'HopStore',
    'LayerLoader',
    'LayerSampling',
    'LinkNeighborLoader',
    'NeighborLoader',
    'NeighborSampler',
    'NeighborSampling',
    'SaintLoader',
    'SaintSampling',
    'Sampling',
    'infer_layerwise',
    'partition_nodes',
]
