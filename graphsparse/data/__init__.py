"""Data sets by name, from a card each, and generated graphs."""

from graphsparse.data.cards import DatasetCard, list_datasets
from graphsparse.data.catalog import describe, load
from graphsparse.data.graphs import GraphDataset
from graphsparse.data.splits import split_per_class, split_random
from graphsparse.data.synthetic import csbm

__all__ = [
    'DatasetCard',
    'GraphDataset',
    'csbm',
    'describe',
    'list_datasets',
    'load',
    'split_per_class',
    'split_random',
]
