"""Handwritten digits as a graph: small, real, and inside scikit-learn."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import to_undirected


def load_digits(neighbors: int = 8) -> Data:
    """The 1,797 images of 8 x 8 pixels, each linked to its nearest in cosine.

    Images from Alpaydin and Kaynak, "Optical Recognition of Handwritten Digits",
    UCI 1998. No file or network is touched.

    Returns:
        Undirected graph without self loops: ``x [1797, 64]`` in 0..1 and ``y``.
    """
    from sklearn.datasets import load_digits as load_images

    pixels, label = load_images(return_X_y=True)
    pixels = torch.from_numpy(pixels)
    nearest = nearest_by_cosine(pixels, neighbors)
    rows = torch.arange(len(pixels)).repeat_interleave(neighbors)
    edge_index = torch.stack([rows, nearest.reshape(-1)])
    return Data(
        x=(pixels / 16).float(),
        edge_index=to_undirected(edge_index, num_nodes=len(pixels)),
        y=torch.from_numpy(label).long(),
    )


def nearest_by_cosine(points: Tensor, count: int) -> Tensor:
    """The ``count`` other rows of largest cosine, ties by row number, ``[N, count]``.

    Rows hold whole numbers of at least 0. The squared cosine, less the factor of
    the row itself, is then a quotient of exact numbers: the same on every machine,
    where the cosine itself would round differently from one BLAS to the next.
    """
    points = points.double()
    squared = (points * points).sum(dim=1).clamp(min=1)
    near = (points @ points.T).square() / squared
    near.fill_diagonal_(-1)
    # With ties at the last place: cheaper than to sort whole rows.
    least = near.topk(count, dim=1).values[:, -1:]
    row, col = (near >= least).nonzero(as_tuple=True)
    order = near[row, col].argsort(descending=True, stable=True)
    order = order[row[order].argsort(stable=True)]
    first = torch.searchsorted(row, torch.arange(len(points)))
    return col[order[first[:, None] + torch.arange(count)]]
