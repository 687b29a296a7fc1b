from __future__ import annotations

from collections.abc import Iterable, Iterator, Sized
from itertools import islice
from typing import Any

import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from graphsparse.engine import InputError
from graphsparse.kernels.streams import step_key


class EpochLoader(DataLoader):
    """A ``DataLoader`` over numbers, each of which tells the epoch it is drawn in.

    So whoever makes a batch, in whatever worker, knows what to draw: batches depend on
    ``seed``, the epoch and what is in them, not on ``num_workers``,
    ``persistent_workers`` or threads. Torch's global random state is neither read nor
    changed.

    Args:
        dataset: Its length counts.
        seed: Of the order, where ``shuffle`` is set, and of what subclasses draw.
        batch_size: Numbers in a batch.
        shuffle: Another order each epoch.
        sampler: An order of your own: anything that yields numbers, epoch by epoch.
        batch_sampler: Or batches of your own.
        **kwargs: Of ``torch.utils.data.DataLoader``.

    Raises:
        InputError: If the dataset is empty, or ``batch_size`` is not positive.
    """

    def __init__(
        self,
        dataset: Sized,
        seed: int = 0,
        batch_size: int | None = 1,
        shuffle: bool = False,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        **kwargs: Any,
    ) -> None:
        if len(dataset) == 0:
            raise InputError('There is nothing to load: 0 inputs were given.')
        if batch_sampler is None:
            check_positive(batch_size=batch_size)
        self.seed = seed
        given = batch_sampler if sampler is None else sampler
        unit = 1 if batch_sampler is not None else batch_size or 1
        self._epochs = _Epochs(len(dataset), given, shuffle, seed, unit)
        if batch_sampler is not None:
            kwargs |= {'batch_sampler': self._epochs}
        else:
            kwargs |= {'sampler': self._epochs, 'batch_size': batch_size}
        # Workers get their seeds from it; without, from the global state.
        key = step_key(seed, -1)  # no epoch of its own
        kwargs.setdefault('generator', torch.Generator().manual_seed(key))
        super().__init__(_Numbers(len(dataset)), **kwargs)

    def __getstate__(self) -> dict[str, Any]:
        # A worker has no use for the generator, and a spawned one cannot receive it.
        return self.__dict__ | {'generator': None}

    @property
    def epoch(self) -> int:
        """The epoch that the next pass is; set it to resume a training."""
        return self._epochs.epoch

    @epoch.setter
    def epoch(self, epoch: int) -> None:
        self._epochs.epoch = epoch

    @property
    def share(self) -> tuple[int, int]:
        """Which of the batches are made: (r, n) is numbers r, r + n, r + 2n, ..."""
        return self._epochs.share

    @share.setter
    def share(self, share: tuple[int, int]) -> None:
        rank, size = share
        check_positive(size=size)
        if not 0 <= rank < size:
            raise InputError(f'Share {rank} is not among 0 to {size - 1}.')
        self._epochs.share = rank, size


class _Epochs(Sampler):
    """An order of numbers, or of batches, each number with the epoch before it."""

    def __init__(
        self, size: int, given: Any, shuffle: bool, seed: int, unit: int
    ) -> None:
        self.size, self.given, self.shuffle, self.seed = size, given, shuffle, seed
        self.unit = unit  # how many items make a batch
        self.epoch, self.share = 0, (0, 1)

    def __len__(self) -> int:
        whole, rest = divmod(
            self.size if self.given is None else len(self.given), self.unit
        )
        rank, size = self.share
        last = rest if whole % size == rank else 0
        return len(range(rank, whole, size)) * self.unit + last

    def __iter__(self) -> Iterator[Any]:
        epoch, self.epoch = self.epoch, self.epoch + 1
        for item in self._mine(self._order(epoch)):
            if isinstance(item, int):
                yield epoch, item
            else:
                yield [(epoch, number) for number in item]

    def _mine(self, order: Iterable[Any]) -> Iterator[Any]:
        rank, size = self.share
        items, turn = iter(order), 0
        while batch := list(islice(items, self.unit)):
            if turn % size == rank:
                yield from batch
            turn += 1

    def _order(self, epoch: int) -> Iterable[Any]:
        if self.given is not None:
            return self.given
        if not self.shuffle:
            return range(self.size)
        generator = torch.Generator().manual_seed(step_key(self.seed, epoch))
        return torch.randperm(self.size, generator=generator).tolist()


class _Numbers(Dataset):
    """Gives back what it is asked for."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, item: Any) -> Any:
        return item


def split_epoch(items: Any) -> tuple[int | None, Any]:
    """The epoch of a batch, None where none is told, and its numbers."""
    if isinstance(items, list) and items and isinstance(items[0], tuple):
        return items[0][0], [number for _, number in items]
    return None, items


def epoch_key(seed: int, epoch: int | None) -> int:
    """The seed of an epoch; drawn from torch's global state where none is told."""
    if epoch is None:
        return int(torch.randint(2**63 - 1, ()))
    return step_key(seed, epoch)


def check_positive(**sizes: Any) -> None:
    """InputError unless each of these is an integer of at least 1."""
    for name, size in sizes.items():
        if isinstance(size, bool) or not isinstance(size, int) or size < 1:
            raise InputError(f'{name} has to be a positive integer (got {size!r}).')
