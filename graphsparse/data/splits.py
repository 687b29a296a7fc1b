"""Splits of labelled nodes into training, validation and test masks, by seed."""

from __future__ import annotations

import torch
from torch import Tensor

from graphsparse.data.checks import check_float, check_int, check_seed
from graphsparse.engine import InputError

Masks = tuple[Tensor, Tensor, Tensor]


def split_per_class(
    y: Tensor,
    train: int = 20,
    val: int = 30,
    seed: int = 0,
    val_total: int | None = None,
) -> Masks:
    """So many training nodes of each class, so many for validation, the rest test.

    The protocol of Shchur et al., "Pitfalls of Graph Neural Network Evaluation",
    2018. Nodes with a label below 0 are in no split.

    Args:
        y: Class of each node ``[N]``, whole numbers, -1 where missing.
        train: Training nodes of each class.
        val: Validation nodes of each class.
        seed: Seed of the draw; torch's global generator is left alone.
        val_total: If given, this many validation nodes are drawn from all classes
            together, and ``val`` is not used.

    Returns:
        Three disjoint boolean masks ``[N]``: training, validation, test.

    Raises:
        InputError: If a class is too small, or no node is left to test on.
    """
    train = check_int('train', train, 1)
    val = check_int('val', val, 0) if val_total is None else 0
    order = _shuffle_labelled(y, seed)
    label = y[order].long()
    rank = _rank_in_class(label)
    sizes = torch.bincount(label)
    smallest = int(torch.where(sizes > 0, sizes, y.numel() + 1).argmin())
    if sizes[smallest] < train + val:
        raise InputError(
            f'Class {smallest} has {int(sizes[smallest])} nodes, but {train} are to '
            f'train and {val} to validate on.'
        )
    in_train = rank < train
    if val_total is None:
        in_val = (rank >= train) & (rank < train + val)
    else:
        rest = (~in_train).cumsum(0)
        in_val = ~in_train & (rest <= check_int('val_total', val_total, 0))
    return _masks(y, order[in_train], order[in_val], order[~(in_train | in_val)])


def split_random(
    y: Tensor, train: float = 0.5, val: float = 0.25, seed: int = 0
) -> Masks:
    """Fractions of the labelled nodes, drawn at random; the rest is for the test.

    The protocol of Lim et al., "Large Scale Learning on Non-Homophilous Graphs",
    NeurIPS 2021 (50/25/25). Nodes with a label below 0 are in no split.

    Args:
        y: Class of each node ``[N]``, whole numbers, -1 where missing.
        train: Fraction to train on; the count is rounded down.
        val: Fraction to validate on; the count is rounded down.
        seed: Seed of the draw; torch's global generator is left alone.

    Returns:
        Three disjoint boolean masks ``[N]``: training, validation, test.

    Raises:
        InputError: If a fraction is out of range or leaves no node to train or
            test on.
    """
    order = _shuffle_labelled(y, seed)
    shares = check_float('train', train, 0, 1), check_float('val', val, 0, 1)
    # 0.29 * 100 is 28.999999999999996: the nudge keeps whole products whole.
    first, second = (int(share * order.numel() + 1e-9) for share in shares)
    if first < 1:
        raise InputError(
            f'train={train} of {order.numel()} labelled nodes leaves none to train on.'
        )
    return _masks(
        y,
        order[:first],
        order[first : first + second],
        order[first + second :],
    )


def _shuffle_labelled(y: Tensor, seed: int) -> Tensor:
    """Labelled nodes in random order, ``[L]``."""
    if y.dim() != 1 or y.is_floating_point() or y.dtype == torch.bool:
        raise InputError(
            f'Labels must be whole numbers, one a node, not {y.dtype} of shape '
            f'{tuple(y.shape)}.'
        )
    labelled = (y >= 0).nonzero().view(-1)
    if not labelled.numel():
        raise InputError(f'None of the {y.numel()} nodes has a label (0 or more).')
    generator = torch.Generator().manual_seed(check_seed(seed))
    order = torch.randperm(labelled.numel(), generator=generator)
    return labelled[order.to(y.device)]


def _rank_in_class(label: Tensor) -> Tensor:
    """How many of its own class stand before each node, ``[L]``."""
    grouped = label.argsort(stable=True)
    sizes = torch.bincount(label)
    start = sizes.cumsum(0) - sizes
    rank = torch.empty_like(label)
    rank[grouped] = torch.arange(label.numel(), device=label.device)
    return rank - start[label]


def _masks(y: Tensor, *parts: Tensor) -> Masks:
    if not parts[-1].numel():
        raise InputError(
            f'Of {int((y >= 0).sum())} labelled nodes, {parts[0].numel()} to train and '
            f'{parts[1].numel()} to validate on leave none to test on.'
        )
    train, val, test = (
        torch.zeros(y.numel(), dtype=torch.bool, device=y.device) for _ in parts
    )
    for mask, part in zip((train, val, test), parts, strict=True):
        mask[part] = True
    return train, val, test
