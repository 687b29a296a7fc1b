"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.dynamic import SET, Rigl
from graphsparse.tickets.gate import LearnedGate
from graphsparse.tickets.gradual import Gradual
from graphsparse.tickets.group import GroupSparsity
from graphsparse.tickets.iterative import Iterative
from graphsparse.tickets.n_m import NM
from graphsparse.tickets.one_shot import OneShot
from graphsparse.tickets.prune_curve import PruneCurve, prune_curve
from graphsparse.tickets.random_search import RandomSearch
from graphsparse.tickets.teddy import Teddy
from graphsparse.tickets.ugs import UGS
from graphsparse.tickets.untrained import Untrained

__all__ = [
    'NM',
    'SET',
    'UGS',
    'Dense',
    'Gradual',
    'GroupSparsity',
    'Iterative',
    'LearnedGate',
    'OneShot',
    'PruneCurve',
    'RandomSearch',
    'Rigl',
    'Teddy',
    'TicketSearch',
    'Untrained',
    'prune_curve',
]
