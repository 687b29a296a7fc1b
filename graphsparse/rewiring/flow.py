"""What goes forward and back through the layers of a net while it is trained."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import Module
from torch_geometric.nn import MessagePassing

from graphsparse.engine import InputError, write_atomic

TENSORS = ('epochs', 'gradient', 'probed', 'energy', 'distance', 'rank')


@dataclass(frozen=True, eq=False)
class Flow:
    """Gradient norms and the smoothness of outputs, by epoch and layer.

    All float64 on the CPU; NaN where something was not measured.

    Attributes:
        layers: Names of the convs, in the order of their making.
        epochs: Of the gradient norms, int64 ``[epochs]``.
        gradient: Frobenius norm of the loss's gradient to each layer's weights, biases
            left out, ``[epochs, layers]``.
        probed: The epochs whose outputs were looked at, int64 ``[probes]``.
        energy: Dirichlet energy of each layer's outputs, ``[probes, layers]``.
        distance: Their mean average distance, ``[probes, layers]``.
        rank: Their effective rank, ``[probes, layers]``.
    """

    layers: tuple[str, ...]
    epochs: Tensor
    gradient: Tensor
    probed: Tensor
    energy: Tensor
    distance: Tensor
    rank: Tensor

    @property
    def mean_layer_norm(self) -> Tensor:
        """Mean of the layers' gradient norms, ``[epochs]``: the paper's flow."""
        return self.gradient.mean(1)

    @property
    def global_norm(self) -> Tensor:
        """Norm of all layers' gradients as one vector, ``[epochs]``."""
        return torch.linalg.vector_norm(self.gradient, dim=1)

    def to_dict(self) -> dict[str, Any]:
        """Lists, as JSON has them: None where a number is not finite."""
        lists = {name: _to_json(getattr(self, name).tolist()) for name in TENSORS}
        return {'layers': list(self.layers), **lists}

    def save(self, path: str | Path) -> None:
        """Write :meth:`to_dict` as JSON, atomically."""
        with write_atomic(path) as aside:
            aside.write_text(json.dumps(self.to_dict()))

    @staticmethod
    def load(path: str | Path) -> Flow:
        """Read back what :meth:`save` wrote.

        Raises:
            InputError: If the file is missing or not one of these.
        """
        try:
            facts = json.loads(Path(path).read_text())
            layers = tuple(facts['layers'])
            tensors = {name: _from_json(name, facts[name], layers) for name in TENSORS}
        except OSError as error:
            raise InputError(f"Cannot read '{path}': {error.strerror}.") from None
        except (ValueError, KeyError, TypeError, RuntimeError):
            raise InputError(f"'{path}' holds no Flow.") from None
        return Flow(layers, **tensors)


def _to_json(entry: Any) -> Any:
    if isinstance(entry, list):
        return [_to_json(part) for part in entry]
    return entry if math.isfinite(entry) else None


def _from_json(name: str, entry: Any, layers: tuple[str, ...]) -> Tensor:
    if name in ('epochs', 'probed'):
        return torch.tensor(entry, dtype=torch.int64)
    rows = [[math.nan if number is None else number for number in row] for row in entry]
    return torch.tensor(rows, dtype=torch.float64).view(len(rows), len(layers))


def layers(model: Module) -> dict[str, Module]:
    """The convs of a model that have weights, by name, in the order of their making.

    Any PyG model's: whatever passes messages, the outermost where convs are nested.

    Raises:
        InputError: If there is none.
    """
    found: dict[str, Module] = {}
    for name, module in model.named_modules():
        inside = any(name.startswith(f'{outer}.') for outer in found)
        if isinstance(module, MessagePassing) and not inside and _weights(module):
            found[name] = module
    if not found:
        raise InputError(
            f'{type(model).__name__} has no conv of PyG with weights: nothing flows.'
        )
    return found


def _weights(layer: Module) -> list[Tensor]:
    return [p for p in layer.parameters() if p.dim() >= 2]


@torch.no_grad()
def gradient_norms(convs: Mapping[str, Module]) -> Tensor:
    """Frobenius norm of each layer's weight gradients, as they stand in ``.grad``.

    Biases are left out; 0 where there is no gradient. In float64, since gradients
    through many layers are too small for their squares to be float32.

    Args:
        convs: What :func:`layers` gives.

    Returns:
        ``[layers]`` where the weights are: no wait for a GPU.
    """
    norms, owner, device = [], [], torch.device('cpu')
    for number, conv in enumerate(convs.values()):
        for weight in _weights(conv):
            device = weight.device
            if weight.grad is not None:
                norm = torch.linalg.vector_norm(weight.grad, dtype=torch.float64)
                norms.append(norm)
                owner.append(number)
    if owner == list(range(len(convs))):  # one matrix a layer, as in most
        return torch.stack(norms)
    out = torch.zeros(len(convs), dtype=torch.float64, device=device)
    for number, norm in zip(owner, norms, strict=True):
        out[number] = torch.hypot(out[number], norm)
    return out
