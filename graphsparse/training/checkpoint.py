from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor
from torch.nn import Module
from torch.optim import Optimizer

from graphsparse.engine import load_tensors, save_tensors
from graphsparse.training.distributed import ALONE, World

Course = TypeVar('Course')
State = dict[str, Tensor]


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if never stopped, in one file.

    Weights, buffers, the optimiser's moments, the best epoch's weights, the course
    so far and the random state. Without a path it keeps nothing. Of several processes
    the first one keeps it for all.
    """

    path: Path | None
    world: World = ALONE

    def save(
        self, course: Any, model: Module, optimizer: Optimizer, best: State
    ) -> None:
        """Write all of it, atomically."""
        if self.path is None or self.world.rank:
            return
        tensors = {f'model/{name}': t for name, t in model.state_dict().items()}
        tensors |= {f'best/{name}': t for name, t in best.items()}
        packed = optimizer.state_dict()
        scalars: dict[str, Any] = {}
        for index, entries in packed['state'].items():
            for name, entry in entries.items():
                if isinstance(entry, Tensor):
                    tensors[f'optimizer/{index}/{name}'] = entry
                else:
                    scalars[f'{index}/{name}'] = entry
        tensors['random/cpu'] = torch.get_rng_state()
        if torch.cuda.is_initialized():
            tensors['random/cuda'] = torch.cuda.get_rng_state()
        facts = {'course': asdict(course), 'scalars': scalars}
        save_tensors(self.path, tensors, facts)

    def restore(
        self, course: Course, model: Module, optimizer: Optimizer
    ) -> tuple[Course, State]:
        """Put back what was saved; with nothing saved, ``course`` and no best."""
        with self.world.share_file(self.path) as path:
            return replace(self, path=path)._restore(course, model, optimizer)

    def _restore(
        self, course: Course, model: Module, optimizer: Optimizer
    ) -> tuple[Course, State]:
        if self.path is None or not self.path.exists():
            return course, {}
        tensors, facts = load_tensors(self.path)
        parts: dict[str, dict[str, Tensor]] = {}
        for name, tensor in tensors.items():
            part, _, rest = name.partition('/')
            parts.setdefault(part, {})[rest] = tensor
        model.load_state_dict(parts['model'])
        packed = optimizer.state_dict()
        packed['state'] = {}
        for name, entry in (parts.get('optimizer', {}) | facts['scalars']).items():
            index, _, key = name.partition('/')
            packed['state'].setdefault(int(index), {})[key] = entry
        optimizer.load_state_dict(packed)
        torch.set_rng_state(parts['random']['cpu'])
        if 'cuda' in parts['random']:
            torch.cuda.set_rng_state(parts['random']['cuda'])
        device = next(model.parameters()).device
        best = {name: tensor.to(device) for name, tensor in parts['best'].items()}
        return type(course)(**facts['course']), best
