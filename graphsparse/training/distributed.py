from __future__ import annotations

import hashlib
import math
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain, count
from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.nn import Module
from torch.nn.parallel import DistributedDataParallel
from torch.nn.parameter import is_lazy
from torch_geometric.data import Data

from graphsparse.data.checks import check_float
from graphsparse.engine import InputError, digest_tensors
from graphsparse.kernels.streams import step_key
from graphsparse.training.task import Share, Task

_VARIABLES = ('RANK', 'WORLD_SIZE', 'MASTER_ADDR', 'MASTER_PORT')


@dataclass(frozen=True)
class World:
    """The processes that train one model together, and which of them this one is.

    Data parallel, as torch's ``DistributedDataParallel``: each process holds the graph
    and the weights, runs its own share of a step, and all take the optimiser's step
    along one gradient, the mean over the shares. Nothing is wrapped around the model,
    so weights keep their names, and whatever calls :func:`fit` need not know: a search
    or a branch trains on several processes if its :class:`Watch` tells of them, and
    does the rest of its work on each of them alike.

    An epoch is that of one process, dealt out: of steps 0, 1, 2, ... process r of n
    takes r, r + n, r + 2n, ... (:meth:`Task.shares`), and n at a time become one. Who
    has none left, while others have, runs another one again, which counts for nothing.
    A node task on its whole graph has one step an epoch: each process runs the whole
    graph and takes the loss of its own training nodes. That is the step of one process,
    dropout included, and takes as long.

    Where models have buffers, as running statistics, those of the first process hold.

    Attributes:
        rank: Number of this process, from 0.
        size: How many there are; one alone needs no others and does as ever.
        device: Where this process computes.
    """

    rank: int = 0
    size: int = 1
    device: torch.device = field(default_factory=lambda: torch.device('cpu'))

    def align(self, model: Module, facts: Sequence[object] = ()) -> None:
        """Give every process the first one's weights and buffers, bit for bit.

        Raises:
            InputError: If models or ``facts`` differ in more than that, or the model is
                wrapped or has parameters without a shape.
        """
        if self.size == 1:
            return
        if isinstance(model, DistributedDataParallel):
            raise InputError(
                'The model is a DistributedDataParallel: give its .module, for it is '
                'here that gradients are averaged.'
            )
        tensors = list(chain(model.parameters(), model.buffers()))
        if any(is_lazy(tensor) for tensor in tensors):
            raise InputError('The model has lazy parameters: call it once before.')
        shapes = [(tuple(tensor.shape), tensor.dtype) for tensor in tensors]
        if not self.agrees(repr((*facts, shapes))):
            raise InputError(
                f'The processes were not given the same: this one, {self.rank}, has a '
                f'{type(model).__name__} of {len(shapes)} tensors and {list(facts)}.'
            )
        for tensor in tensors:
            _copy_first(tensor)

    def deal(
        self, task: Task, epoch: int, seed: int, graph: Data | None = None
    ) -> Iterator[Share]:
        """This process's shares of an epoch's steps, as many as the others have.

        Their weights add up to 1 over the processes of a step. Torch's global state is
        seeded for each batch, by seed, epoch and its number.
        """
        if self.size == 1:
            yield from (Share(*step) for step in task.steps(epoch, seed, graph))
            return
        mine, key = task.shares(self.rank, self.size, epoch, seed, graph), None
        spare: Share | None = None
        for step in count():
            share = next(mine, None)
            weight = torch.tensor(share.weight if share else 0.0, dtype=torch.float64)
            total = float(_add([weight])[0])
            if total == 0:
                return
            spare = share or spare or Share(*next(task.steps(epoch, seed, graph)))
            if spare.own_draws:
                key = step_key(seed, epoch) if key is None else key
                torch.manual_seed(step_key(key, step * self.size + self.rank))
            yield spare._replace(weight=float(weight) / total)

    def average(self, model: Module, loss: Tensor, weight: float) -> Tensor:
        """Put the mean gradient over all processes into ``.grad``; the mean loss.

        Parameters that no process reached have no gradient, as in one process.
        """
        if self.size == 1:
            return loss
        trained = [p for p in model.parameters() if p.requires_grad]
        if any(p.grad is not None and p.grad.is_sparse for p in trained):
            raise InputError('Sparse gradients cannot be averaged: sparse=False.')
        reached = [weight > 0 and p.grad is not None for p in trained]
        (counts,) = _add([torch.tensor(reached, dtype=torch.int64)])
        mine = [
            p.grad * weight if p.grad is not None and here else torch.zeros_like(p)
            for p, here in zip(trained, reached, strict=True)
        ]
        mine = [loss * weight if weight > 0 else torch.zeros_like(loss), *mine]
        loss, *grads = _add([grad.detach() for grad in mine])
        for p, grad, found in zip(trained, grads, counts.tolist(), strict=True):
            p.grad = grad if found else None
        return loss

    def settle(self, model: Module) -> None:
        """End an epoch: the first process's buffers for all.

        Raises:
            InputError: If processes have come to different weights.
        """
        if self.size == 1:
            return
        for buffer in model.buffers():
            _copy_first(buffer)
        if not self.agrees(digest_tensors(dict(model.named_parameters()))):
            raise InputError(
                'The processes have come to different weights: what changes them after '
                'a step (an optimiser, project) has to draw by a seed of its own.'
            )

    def from_first(self, compute: Callable[[], float]) -> float:
        """A number that the first process computes while the others wait for it."""
        if self.size == 1:
            return compute()
        found = compute() if self.rank == 0 else 0.0
        number = torch.tensor(found, dtype=torch.float64)
        dist.broadcast(number, 0)
        return float(number)

    def agrees(self, text: str) -> bool:
        """Whether all processes say the same."""
        if self.size == 1:
            return True
        digest = hashlib.sha256(text.encode()).digest()[:8]
        mine = torch.tensor([int.from_bytes(digest, signed=True)])
        said = [torch.empty_like(mine) for _ in range(self.size)]
        dist.all_gather(said, mine)
        return all(torch.equal(one, mine) for one in said)

    @contextmanager
    def share_file(self, path: Path | None) -> Iterator[Path | None]:
        """The first process's file for all, on whatever host; None if it has none."""
        if self.size == 1:
            yield path
            return
        there = self.rank == 0 and path is not None and path.exists()
        # Of nothing no buffer can be made.
        content = torch.frombuffer(
            bytearray(path.read_bytes() if there and path else b'\0'), dtype=torch.uint8
        )
        (length,) = _add([torch.tensor([content.numel() if there else 0])])
        if not int(length):
            yield None
            return
        if self.rank:
            content = torch.empty(int(length), dtype=torch.uint8)
        dist.broadcast(content, 0)
        if there:
            yield path
            return
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(folder) / 'shared'
            copy.write_bytes(content.numpy().tobytes())
            yield copy


ALONE = World()


@contextmanager
def join_world(
    device: str = 'auto', backend: str | None = None, timeout: float = 1800.0
) -> Iterator[World]:
    """The world that ``torchrun`` started this process in; without it, one alone.

    Example:
        >>> with join_world() as world:
        ...     fit(model, task.to(world.device), watch=Watch(world=world))

    Args:
        device: 'cpu', 'cuda' (the GPU of the process's number on its host), or 'auto':
            'cuda' if there is one.
        backend: What carries gradients: 'nccl' between GPUs, the default there, or
            'gloo', which also lets processes share a GPU.
        timeout: Seconds after which a process that waits for the others gives up with
            an error. The first one validates while the others wait.

    Raises:
        InputError: If device or backend cannot be used, variables of ``torchrun`` are
            missing or malformed, or the other processes are not reached.
    """
    given = [name for name in _VARIABLES if os.environ.get(name)]
    check_float('timeout', timeout, math.ulp(0))
    rank, size, local = (
        _number(name, default)
        for name, default in (('RANK', 0), ('WORLD_SIZE', 1), ('LOCAL_RANK', 0))
    )
    place, backends = _find_device(device, backend, local)
    if size == 1:
        yield World(device=place)
        return
    if len(given) < len(_VARIABLES) or not 0 <= rank < size:
        raise InputError(
            f'WORLD_SIZE={size}, RANK={os.environ.get("RANK")!r} and only '
            f'{", ".join(given)} are set: start with torchrun, or unset them for one '
            'process.'
        )
    if place.type == 'cuda':
        torch.cuda.set_device(place)
    try:
        dist.init_process_group(backends, timeout=timedelta(seconds=timeout))
    except (RuntimeError, ValueError) as error:
        where = f'{os.environ["MASTER_ADDR"]}:{os.environ["MASTER_PORT"]}'
        raise InputError(
            f'Process {rank} of {size} does not reach the others at {where}: {error}'
        ) from None
    yield World(rank, size, place)
    # Not after an error: the others may not come, and torchrun ends them.
    _add([torch.zeros(1)])
    dist.destroy_process_group()


def _number(name: str, default: int) -> int:
    text = os.environ.get(name) or str(default)
    if not text.isdecimal():
        raise InputError(f'{name} has to be a whole number (got {text!r}).')
    return int(text)


def _find_device(
    device: str, backend: str | None, local: int
) -> tuple[torch.device, str]:
    """This process's device, and torch's name for what serves it."""
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    name = ('cuda' if gpus else 'cpu') if device == 'auto' else device
    if name not in ('cpu', 'cuda') or (name == 'cuda' and not gpus):
        raise InputError(
            f"device has to be 'auto', 'cpu' or 'cuda', and there are {gpus} GPUs here "
            f'(got {device!r}).'
        )
    chosen = backend or ('nccl' if name == 'cuda' else 'gloo')
    if chosen not in (('gloo', 'nccl') if name == 'cuda' else ('gloo',)):
        raise InputError(
            f"backend has to be 'gloo', or 'nccl' on GPUs (got {backend!r} on {name})."
        )
    if name == 'cpu':
        return torch.device('cpu'), 'gloo'
    if chosen == 'gloo':
        return torch.device('cuda', local % gpus), 'gloo'
    if local >= gpus:
        raise InputError(
            f'LOCAL_RANK={local} has no GPU of its own, there are {gpus}: start fewer '
            "processes a host, or give backend='gloo'."
        )
    return torch.device('cuda', local), 'cpu:gloo,cuda:nccl'


def _add(tensors: Sequence[Tensor]) -> list[Tensor]:
    """The sum of each over all processes, same bits on all; those of a type as one."""
    out = list(tensors)
    for kind in dict.fromkeys((t.dtype, t.device) for t in tensors):
        places = [i for i, t in enumerate(tensors) if (t.dtype, t.device) == kind]
        flat = torch.cat([tensors[i].reshape(-1) for i in places])
        dist.all_reduce(flat)
        pieces = flat.split([tensors[i].numel() for i in places])
        for i, piece in zip(places, pieces, strict=True):
            out[i] = piece.view_as(tensors[i])
    return out


@torch.no_grad()
def _copy_first(tensor: Tensor) -> None:
    """Overwrite with the first process's, whatever the type."""
    content = tensor.detach().reshape(-1).clone()
    dist.broadcast(content.view(torch.uint8), 0)
    tensor.copy_(content.view_as(tensor))
