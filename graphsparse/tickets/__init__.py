"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.dynamic import SET, Rigl
from graphsparse.tickets.gradual import Gradual
from graphsparse.tickets.teddy import Teddy

__all__ = [
    'SET',
    'Dense',
    'Gradual',
    'Rigl',
    'Teddy',
    'TicketSearch',
]
