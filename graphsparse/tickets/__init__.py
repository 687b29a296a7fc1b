"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.teddy import Teddy
from graphsparse.tickets.untrained import Untrained

__all__ = ['Dense', 'Teddy', 'TicketSearch', 'Untrained']
