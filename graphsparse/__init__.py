"""graphsparse: sparse graph neural networks as an extension of PyTorch Geometric."""

from __future__ import annotations

from importlib import import_module
from typing import Any

# Where each public name lives. Resolved on first use, so that the import is light.
_HOMES = {
    'graphsparse.data': ('csbm', 'list_datasets', 'load'),
    'graphsparse.engine': (
        'InputError',
        'ProcessesEngine',
        'RayEngine',
        'find',
        'resolve',
    ),
    'graphsparse.evaluation.links': ('LinkPart', 'LinkSplit', 'check_split'),
    'graphsparse.experiments': ('FittedLinks', 'LinkPredictor', 'SubmissionForm'),
    'graphsparse.graph': ('Adjacency', 'to_adjacency'),
    'graphsparse.loading': (
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
        'infer_layerwise',
    ),
    'graphsparse.nn': (
        'GATConv',
        'GCNConv',
        'GINConv',
        'LearnedFeatures',
        'LinkNet',
        'MLPDecoder',
        'NCNDecoder',
        'ModelRecipe',
        'MoleculeGINE',
        'RewiredGCN',
        'SAGEConv',
        'accelerate',
    ),
    'graphsparse.pruning': (
        'EdgeMask',
        'EdgeScore',
        'Ticket',
        'WeightMask',
        'WeightScore',
        'project_l0',
        'score_edges',
    ),
    'graphsparse.rewiring': ('DynamicRewiring', 'FlowRecorder'),
    'graphsparse.scaling': (
        'Branch',
        'CorrectAndSmooth',
        'Decoupled',
        'EnGCN',
        'FullBatch',
        'LabelReuse',
        'Sampled',
    ),
    'graphsparse.soups': (
        'Greedy',
        'InstantSoup',
        'Interpolate',
        'Ladle',
        'Learned',
        'LotteryPool',
        'PartitionLearned',
        'Recipe',
        'SparseSoup',
        'SupTickets',
        'Uniform',
        'ensemble',
        'train_ingredients',
    ),
    'graphsparse.tickets': (
        'SET',
        'UGS',
        'NM',
        'Dense',
        'Gradual',
        'GroupSparsity',
        'Iterative',
        'LearnedGate',
        'OneShot',
        'RandomSearch',
        'Rigl',
        'Teddy',
        'TicketSearch',
        'Untrained',
        'prune_curve',
    ),
    'graphsparse.training': (
        'CSVLogger',
        'GraphTask',
        'HopTask',
        'LinkTask',
        'NodeTask',
        'SampledTask',
        'Task',
        'TensorBoardLogger',
        'Training',
        'Watch',
        'fit',
        'join_world',
        'leave_classes_out',
    ),
    'graphsparse.transfer': (
        'EdgeLP',
        'IntersectionMap',
        'LinkTeacher',
        'MLPStudent',
        'TransferLinkSplit',
        'build_graph',
        'intersect',
        'load_case',
    ),
    'graphsparse.transforms': ('Reorder', 'Sparsify', 'sparsify'),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__version__ = '0.1.0'
__all__ = ['__version__', *sorted(_HOME)]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'graphsparse' has no attribute {name!r}")
    return getattr(import_module(_HOME[name]), name)


def __dir__() -> list[str]:
    return __all__
