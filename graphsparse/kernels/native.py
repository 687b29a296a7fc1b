"""The door to the compiled kernels: raw pointers in, nothing of torch's ABI."""

from __future__ import annotations

import importlib
import os
import re
import warnings
from functools import cache
from types import ModuleType
from typing import Any

import torch
from torch import Tensor

_TYPES = {
    torch.float32: 'f32',
    torch.float64: 'f64',
    torch.bfloat16: 'bf16',
    torch.int32: 'i32',
    torch.int64: 'i64',
}
_PROCESS = os.getpid()
_LARGE = 2**22  # bytes
_SERIAL = 2**15  # up to so many steps a second thread costs more than it saves


@cache
def _module() -> ModuleType | None:
    """The extension, loaded after torch so that both share one OpenMP pool."""
    try:
        return importlib.import_module('graphsparse.kernels._native')
    except ImportError:
        warnings.warn(
            'graphsparse was installed without its native kernels; the torch '
            'reference serves, slower. Install g++ and make, then reinstall.',
            stacklevel=2,
        )
        return None


def native_ops() -> list[str]:
    """Names of the ops that run compiled on the CPU; empty without the extension."""
    functions = [name for name in dir(_module()) if not name.startswith('_')]
    names = {re.sub('(_(f32|f64|bf16|i32|i64))+$', '', name) for name in functions}
    return sorted(names) if _module() else []


def threads_for(steps: int) -> int:
    """How many threads a kernel of so many inner steps runs on."""
    # A forked child inherits a dead thread pool: it works alone.
    alone = os.getpid() != _PROCESS or steps <= _SERIAL
    return 1 if alone else torch.get_num_threads()


def native_call(
    op: str, types: tuple[torch.dtype, ...], *args: Tensor | float | None
) -> bool:
    """Run a compiled op on CPU tensors, some of which it fills.

    Args:
        op: Its name in the extension, without the types.
        types: The types that its name ends with.
        args: As the C++ function takes them. What it fills has to be contiguous.

    Returns:
        Whether it ran: False, with nothing done, where no kernel serves these types
        or there is no extension.
    """
    if any(dtype not in _TYPES for dtype in types):
        return False
    kernel = getattr(_module(), '_'.join([op, *(_TYPES[t] for t in types)]), None)
    if kernel is None:
        return False
    # Gradients arrive expanded or transposed; a raw pointer needs them dense.
    whole = [t.contiguous() if isinstance(t, Tensor) else t for t in args]
    kernel(*(_wire(t) for t in whole))
    return True


def _wire(arg: Tensor | float | None) -> float:
    if isinstance(arg, Tensor):
        return arg.data_ptr()
    return 0 if arg is None else arg


def new_output(like: Tensor, *shape: int, dtype: torch.dtype | None = None) -> Tensor:
    """``like.new_empty``; a large one in pages of 2 MiB where the system has them.

    Fresh memory costs a fault a page as it is first written, a third of the time of a
    product. NumPy asks the same for its large arrays.
    """
    out = like.new_empty(shape, dtype=dtype or like.dtype)
    module = _module()
    if module is not None and out.nbytes >= _LARGE:
        module._advise_huge(out.data_ptr(), out.nbytes)
    return out


def one_type(*indices: Tensor | None) -> list[Any]:
    """Columns and places as the compiled ops take them: of the wider of their types."""
    if len({t.dtype for t in indices if t is not None}) <= 1:
        return list(indices)
    return [None if t is None else t.long() for t in indices]


def sum_type(dtype: torch.dtype) -> torch.dtype:
    """What numbers of this type are added up in."""
    return torch.float32 if dtype in (torch.bfloat16, torch.float16) else dtype
