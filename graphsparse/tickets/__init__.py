"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.gate import LearnedGate
from graphsparse.tickets.teddy import Teddy

__all__ = ['Dense', 'LearnedGate', 'Teddy', 'TicketSearch']
