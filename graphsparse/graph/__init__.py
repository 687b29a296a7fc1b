"""One canonical view of a graph, checked once."""

from graphsparse.graph.adjacency import Adjacency
from graphsparse.graph.convert import cached_adjacency, to_adjacency
from graphsparse.graph.operator import Operator

__all__ = ['Adjacency', 'Operator', 'cached_adjacency', 'to_adjacency']
