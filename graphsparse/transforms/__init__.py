"""PyG transforms."""

from graphsparse.transforms.sparsify import Sparsify, sparsify

__all__ = ['Sparsify', 'sparsify']
