from __future__ import annotations

from torch import Tensor
from torch.nn import Module, Parameter

from graphsparse.engine import InputError


def prunable(model: Module, attention: bool = False) -> dict[str, Parameter]:
    """The weights a method may prune, by name: the matrices of linear maps.

    Biases, norms and the epsilon of GIN have one dimension and are never pruned.

    Args:
        model: Any module.
        attention: Attention vectors too; PyG's convs hold them as
            ``[1, heads, channels]``.

    Raises:
        InputError: If there is none.
    """
    named = dict(model.named_parameters())
    found = {
        name: parameter
        for name, parameter in named.items()
        if parameter.dim() == 2 or (attention and is_attention(parameter))
    }
    if not found:
        raise InputError(
            f'{type(model).__name__} has no weight matrix to prune; its parameters '
            f'are {", ".join(named) or "none"}.'
        )
    return found


def is_attention(parameter: Tensor) -> bool:
    """Whether this is one of PyG's attention vectors, ``[1, heads, channels]``."""
    return parameter.dim() == 3 and parameter.size(0) == 1
