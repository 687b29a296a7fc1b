"""One canonical view of a graph, checked once."""

from graphsparse.graph.adjacency import Adjacency, Operator
from graphsparse.graph.convert import cached_adjacency, to_adjacency

__all__ = ['Adjacency', 'Operator', 'cached_adjacency', 'to_adjacency']
