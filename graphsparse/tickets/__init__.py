"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.dynamic import SET, Rigl
from graphsparse.tickets.gradual import Gradual
from graphsparse.tickets.group import GroupSparsity
from graphsparse.tickets.n_m import NM
from graphsparse.tickets.teddy import Teddy

__all__ = [
    'NM',
    'SET',
    'Dense',
    'Gradual',
    'GroupSparsity',
    'Rigl',
    'Teddy',
    'TicketSearch',
]
