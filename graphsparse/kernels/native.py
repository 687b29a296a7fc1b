"""The door to the compiled kernels: raw pointers in, nothing of torch's ABI."""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

_VALUES = {torch.float32: 'f32', torch.float64: 'f64'}
_INDICES = {torch.int32: 'i32', torch.int64: 'i64'}
_SERIAL = 2**15  # up to so many products a second thread costs more than it saves


@cache
def _module() -> ModuleType | None:
    """The extension, loaded after torch so that both share one OpenMP pool."""
    try:
        native = importlib.import_module('graphsparse.kernels._native')
    except ImportError:
        warnings.warn(
            'graphsparse was installed without its native kernels; the torch '
            'reference serves, slower. Install g++ and make, then reinstall.',
            stacklevel=2,
        )
        return None
    # A forked child inherits a dead thread pool: it works alone.
    os.register_at_fork(after_in_child=native.work_alone)
    return native


def native_ops() -> list[str]:
    """Names of the ops that run compiled on the CPU; empty without the extension."""
    module = _module()
    return list(module.OPS) if module else []


def native_call(op: str, *args: Tensor | None) -> bool:
    """Run a compiled op on CPU tensors, the last of which it fills.

    Arguments are ``rowptr, col, perm, ...`` as the op's reference takes them, then
    the output. Returns False, with nothing done, where no kernel serves: no extension,
    other types than float32 or float64.
    """
    module = _module()
    _, col, perm, left, right, _ = args
    assert col is not None and right is not None
    dtype = right.dtype
    if module is None or dtype not in _VALUES:
        return False
    if left is not None and left.dtype != dtype:
        return False
    if perm is not None and perm.dtype != col.dtype:
        args = (*args[:2], perm.to(col.dtype), *args[3:])
    kernel = getattr(module, f'{op}_{_VALUES[dtype]}_{_INDICES[col.dtype]}')
    # Gradients arrive expanded or transposed; a raw pointer needs them dense.
    whole = [t if t is None else t.contiguous() for t in args]
    _, heads, features = right.shape
    pointers = [0 if t is None else t.data_ptr() for t in whole]
    rows = whole[0].numel() - 1  # type: ignore[union-attr]
    products = col.numel() * heads * features
    threads = torch.get_num_threads() if products > _SERIAL else 1
    kernel(*pointers, rows, heads, features, threads)
    return True
