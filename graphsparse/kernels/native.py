"""The door to the compiled kernels: raw pointers in, nothing of torch's ABI."""

from __future__ import annotations

import importlib
import os
import warnings
from functools import cache
from types import ModuleType

import torch
from torch import Tensor

_SUFFIX = {
    torch.float32: 'f32',
    torch.float64: 'f64',
    torch.int32: 'i32',
    torch.int64: 'i64',
}


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
    """Run a compiled op on CPU tensors, the last one or two of which it fills.

    Arguments are ``rowptr, col, perm, ...`` as the op's reference takes them, then
    outputs. Returns False, with nothing done, where no kernel serves: no extension,
    other types than float32 or float64.
    """
    module = _module()
    _, col, perm, *dense = args
    dtypes = {t.dtype for t in dense if t is not None and t.dtype != torch.int64}
    dtype = dtypes.pop()
    if module is None or dtypes or dtype not in _SUFFIX:
        return False
    assert col is not None
    if perm is not None and perm.dtype != col.dtype:
        args = (args[0], col, perm.to(col.dtype), *dense)
    kernel = getattr(module, f'{op}_{_SUFFIX[dtype]}_{_SUFFIX[col.dtype]}')
    # Gradients arrive expanded or transposed; a raw pointer needs them dense.
    whole = [t if t is None else t.contiguous() for t in args]
    _, heads, features = next(
        t for t in whole[3:] if t is not None and t.dim() == 3
    ).shape
    pointers = [0 if t is None else t.data_ptr() for t in whole]
    rows = whole[0].numel() - 1  # type: ignore[union-attr]
    kernel(*pointers, rows, heads, features, torch.get_num_threads())
    return True
