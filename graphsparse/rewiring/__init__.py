"""Deep nets that train: initial weights and skips that know the graph."""

from graphsparse.rewiring.isometric import initialise, isometric_bound

__all__ = ['initialise', 'isometric_bound']
