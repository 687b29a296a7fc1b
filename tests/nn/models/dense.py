"""A small graph as a matrix, to compute by hand what the models should."""

from __future__ import annotations

import importlib

import numpy as np
import torch
from torch import Tensor

# Row = target, column = source. Node 4 is alone; 3 hears 0 but is not heard.
ADJACENCY = np.array(
    [
        [0, 1, 1, 0, 0],
        [1, 0, 1, 0, 0],
        [1, 1, 0, 0, 0],
        [1, 0, 0, 0, 0],
        [0, 0, 0, 0, 0],
    ],
    dtype=float,
)
# Modules that drop something.
DROPPING = (
    *('appnp', 'decoupled', 'drop_edge', 'gat', 'gcn', 'gcnii', 'gprgnn', 'jk_net'),
    *('pair_norm', 'residual', 'sage', 'sgc'),
)
X = np.random.default_rng(0).normal(size=(5, 3))


def graph() -> Tensor:
    target, source = ADJACENCY.nonzero()
    return torch.tensor(np.stack([source, target]))


def gcn_dense() -> np.ndarray:
    """GCN's normalised matrix."""
    full = ADJACENCY + np.eye(len(ADJACENCY))
    scale = full.sum(1) ** -0.5
    return scale[:, None] * full * scale


def as_numpy(tensor: Tensor) -> np.ndarray:
    return tensor.detach().numpy()


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def recorded_dropout(monkeypatch) -> list:
    """A list that fills with (shape, p, training) of every dropout."""
    shapes = []

    def dropout(x, p=0.5, training=True):
        shapes.append((tuple(x.shape), p, training))
        return x

    for model in DROPPING:
        module = importlib.import_module(f'graphsparse.nn.models.{model}')
        monkeypatch.setattr(module, 'dropout', dropout)
    return shapes
