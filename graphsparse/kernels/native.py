"""The door to the compiled kernels: raw pointers in, nothing of torch's ABI."""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

_TYPES = {
    torch.float32: 'f32',
    torch.float64: 'f64',
    torch.int32: 'i32',
    torch.int64: 'i64',
}
_PROCESS = os.getpid()
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
    names = {name.split('_f32')[0].split('_i32')[0] for name in dir(_module())}
    return sorted(n for n in names if not n.startswith('_')) if _module() else []


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


def run_by_slot(
    op: str,
    rowptr: Tensor,
    col: Tensor,
    perm: Tensor | None,
    left: Tensor | None,
    right: Tensor,
    out: Tensor,
) -> bool:
    """:func:`native_call` of an op over slots, heads and features."""
    if left is not None and left.dtype != right.dtype:
        return False
    if perm is not None:
        perm = perm.to(col.dtype)
    _, heads, features = right.shape
    sizes = rowptr.numel() - 1, heads, features
    return native_call(
        op,
        (right.dtype, col.dtype),
        *(rowptr, col, perm, left, right, out),
        *sizes,
        threads_for(col.numel() * heads * features),
    )
