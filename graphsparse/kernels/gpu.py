from __future__ import annotations

import importlib
import warnings
from functools import cache
from types import ModuleType


@cache
def triton_kernels() -> ModuleType | None:
    """The kernels for CUDA tensors; None, with one warning, without Triton."""
    try:
        return importlib.import_module('graphsparse.kernels.triton')
    except ImportError:
        warnings.warn(
            'Triton is not installed; on CUDA the torch reference serves, slower. '
            'pip install triton',
            stacklevel=2,
        )
        return None
