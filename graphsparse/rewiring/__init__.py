"""Deep nets that train: weights that know the graph, and skips where little flows."""

from graphsparse.rewiring.dynamic import DynamicRewiring, Rewired, Skip
from graphsparse.rewiring.flow import Flow, gradient_norms, layers
from graphsparse.rewiring.isometric import initialise, isometric_bound
from graphsparse.rewiring.recorder import FlowRecorder, outputs
from graphsparse.rewiring.virgo import virgo_bounds

__all__ = [
    'DynamicRewiring',
    'Flow',
    'FlowRecorder',
    'Rewired',
    'Skip',
    'gradient_norms',
    'initialise',
    'isometric_bound',
    'layers',
    'outputs',
    'virgo_bounds',
]
