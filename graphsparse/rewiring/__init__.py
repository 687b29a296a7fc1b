"""Deep nets that train: what flows through their layers, and skips where it stops."""

from graphsparse.rewiring.dynamic import DynamicRewiring, Rewired, Skip
from graphsparse.rewiring.flow import Flow, gradient_norms, layers
from graphsparse.rewiring.recorder import FlowRecorder, outputs

__all__ = [
    'DynamicRewiring',
    'Flow',
    'FlowRecorder',
    'Rewired',
    'Skip',
    'gradient_norms',
    'layers',
    'outputs',
]
