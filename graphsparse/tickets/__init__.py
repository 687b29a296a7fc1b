"""Ticket searches, one paper's idea a file."""

from graphsparse.tickets.base import TicketSearch
from graphsparse.tickets.dense import Dense
from graphsparse.tickets.teddy import Teddy
from graphsparse.tickets.ugs import UGS

__all__ = ['UGS', 'Dense', 'Teddy', 'TicketSearch']
