"""Graphs drawn from a model, with as many nodes and edges as one likes."""

from __future__ import annotations

import numpy as np
import torch
from numpy.random import Generator
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected

from graphsparse.data.checks import check_float, check_int, check_seed
from graphsparse.data.splits import split_per_class
from graphsparse.engine import InputError


def csbm(
    num_nodes: int,
    num_classes: int = 2,
    degree: float = 10.0,
    homophily: float = 0.8,
    num_features: int = 16,
    signal: float = 1.0,
    seed: int = 0,
    train_per_class: int = 20,
    val_fraction: float = 0.25,
) -> Data:
    """A contextual stochastic block model: blocks in the graph and in the features.

    After Deshpande et al., "Contextual Stochastic Block Models", NeurIPS 2018.
    Every pair within a class is linked with one probability and every pair across
    classes with another, such that degree and homophily hold in expectation. Time
    and memory grow with nodes and edges, never with pairs.

    Args:
        num_nodes: Nodes.
        num_classes: Classes; their sizes differ by one node at most.
        degree: Expected number of neighbours of a node.
        homophily: Expected fraction of edges within a class.
        num_features: Length of a feature vector.
        signal: Length of a class's mean feature vector; the noise around it has
            variance 1 in each direction.
        seed: Same seed, same graph, features and split.
        train_per_class: Training nodes of each class.
        val_fraction: Fraction of the other nodes to validate on; the rest tests.

    Returns:
        Undirected ``Data`` without loops or parallel edges: ``x [N, F]``,
        ``edge_index [2, 2E]`` sorted, ``y [N]`` and three masks ``[N]``.

    Raises:
        InputError: If an argument is out of range or asks for more edges than
            there are pairs.
    """
    num_nodes = check_int('num_nodes', num_nodes, 2)
    num_classes = check_int('num_classes', num_classes, 2, num_nodes)
    num_features = check_int('num_features', num_features, 1)
    degree = check_float('degree', degree, 0)
    homophily = check_float('homophily', homophily, 0, 1)
    signal = check_float('signal', signal, 0)
    val_fraction = check_float('val_fraction', val_fraction, 0, 1)
    rng = np.random.default_rng(check_seed(seed))

    # Nodes are drawn in class order and get their numbers, at random, at the end.
    label = np.sort(np.arange(num_nodes) % num_classes)
    number = rng.permutation(num_nodes)
    edges = number[_draw_edges(label, degree, homophily, rng)]
    means = rng.standard_normal((num_classes, num_features))
    means *= signal / np.linalg.norm(means, axis=1, keepdims=True)
    x = rng.standard_normal((num_nodes, num_features), dtype=np.float32)
    y = np.empty(num_nodes, dtype=np.int64)
    y[number] = label
    x += means.astype(np.float32)[y]

    data = Data(
        x=torch.from_numpy(x),
        edge_index=to_undirected(torch.from_numpy(edges), num_nodes=num_nodes),
        y=torch.from_numpy(y),
    )
    train = check_int('train_per_class', train_per_class, 1)
    val = int(val_fraction * max(num_nodes - train * num_classes, 0) + 1e-9)
    data.train_mask, data.val_mask, data.test_mask = split_per_class(
        data.y, train, seed=seed, val_total=val
    )
    return data


def _draw_edges(
    label: np.ndarray, degree: float, homophily: float, rng: Generator
) -> np.ndarray:
    """Edges ``[2, E]`` between nodes in class order, each pair once.

    A node's partners are numbered: first those after it in its class, then all of
    later classes. Pairs are drawn by number, so that none is ever listed.
    """
    place = np.arange(len(label))
    class_end = np.searchsorted(label, label, side='right')
    edges = len(label) * degree / 2
    inside = _draw_pairs(
        class_end - place - 1, place + 1, edges * homophily, 'within', rng
    )
    across = _draw_pairs(
        len(label) - class_end, class_end, edges * (1 - homophily), 'across', rng
    )
    return np.concatenate([inside, across], axis=1)


def _draw_pairs(
    partners: np.ndarray, first: np.ndarray, edges: float, where: str, rng: Generator
) -> np.ndarray:
    """Each pair independently with one probability, ``edges`` pairs in expectation.

    Node ``i`` is paired with the ``partners[i]`` nodes from ``first[i]`` on.
    """
    end = np.cumsum(partners)
    pairs = int(end[-1])
    if edges > pairs * (1 + 1e-9):  # a complete graph may be asked for, rounded
        raise InputError(
            f'degree and homophily ask for {edges:g} edges {where} classes, but '
            f'there are only {pairs} pairs. Lower the degree.'
        )
    if not pairs:
        return np.empty((2, 0), dtype=np.int64)
    drawn = _draw_distinct(
        pairs, int(rng.binomial(pairs, min(edges / pairs, 1.0))), rng
    )
    node = np.searchsorted(end, drawn, side='right')
    return np.stack([node, first[node] + drawn - (end - partners)[node]])


def _draw_distinct(total: int, count: int, rng: Generator) -> np.ndarray:
    """A uniform subset of ``0..total-1`` of ``count`` numbers, in O(count) memory."""
    if 2 * count > total:
        return np.sort(rng.permutation(total)[:count])
    drawn = np.empty(0, dtype=np.int64)
    while len(drawn) < count:
        more = rng.integers(total, size=count - len(drawn))
        drawn = np.sort(np.concatenate([drawn, more]))
        drawn = drawn[np.diff(drawn, prepend=-1) > 0]
    return drawn
