"""Score, select, mask: three pure steps, and the ticket they end in."""

from graphsparse.pruning.budget import count_kept
from graphsparse.pruning.choose import choose_edges
from graphsparse.pruning.distributions.base import Distribution
from graphsparse.pruning.edges.base import EdgeScore, score_edges
from graphsparse.pruning.edges.gradient import gradient_score
from graphsparse.pruning.masks import EdgeMask, WeightMask, zero_pruned
from graphsparse.pruning.project import l0_support, project_l0
from graphsparse.pruning.prox import prox_groups
from graphsparse.pruning.prunable import prunable
from graphsparse.pruning.remove import remove_edges
from graphsparse.pruning.schedules.base import Schedule
from graphsparse.pruning.schemes import Scheme, redraw
from graphsparse.pruning.select import (
    keep_connected,
    select_edges,
    select_global,
    select_per_node,
)
from graphsparse.pruning.select_weights import select_weights
from graphsparse.pruning.ticket import Init, Ticket
from graphsparse.pruning.weights.base import Probe, WeightScore

__all__ = [
    'Distribution',
    'EdgeMask',
    'EdgeScore',
    'Init',
    'Probe',
    'Schedule',
    'Scheme',
    'Ticket',
    'WeightMask',
    'WeightScore',
    'choose_edges',
    'count_kept',
    'gradient_score',
    'keep_connected',
    'l0_support',
    'project_l0',
    'prox_groups',
    'prunable',
    'redraw',
    'remove_edges',
    'score_edges',
    'select_edges',
    'select_global',
    'select_per_node',
    'select_weights',
    'zero_pruned',
]
