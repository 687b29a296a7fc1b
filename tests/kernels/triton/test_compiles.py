"""Machine code for a GPU that is not there: what the interpreter lets pass fails here.

It runs Python, so that a name of two types in a loop, say, means nothing to it.
"""

import os

import pytest
import torch

from tests.kernels.triton.operands import (
    ROWS,
    draw,
    make_keep,
    make_pattern,
)

pytest.importorskip('triton')
if os.environ.get('TRITON_INTERPRET') == '1':
    pytest.skip('the interpreter compiles nothing', allow_module_level=True)

from triton.backends.compiler import GPUTarget
from triton.runtime import driver
from triton.runtime.jit import JITFunction

from graphsparse.kernels import triton
from graphsparse.kernels.triton import launch


class NoDevice:
    """As much of a driver as the compiler asks for: an H200, number 99."""

    def get_current_target(self):
        return GPUTarget('cuda', 90, 32)

    def get_current_device(self):
        return 99

    def get_current_stream(self, device):
        return 0


@pytest.fixture
def compiled(monkeypatch, tmp_path):
    """What is launched is compiled, and nothing else; kernels and their code."""
    found, run = [], JITFunction.run

    def compile_only(self, *args, **kwargs):
        kernel = run(self, *args, **kwargs | {'warmup': True})
        found.append((self.__name__, kernel.asm['ptx']))

    monkeypatch.setenv('TRITON_CACHE_DIR', str(tmp_path))
    monkeypatch.setattr(JITFunction, 'run', compile_only)
    monkeypatch.setattr(launch, 'CHUNK', 8)  # the kernels for long rows as well
    monkeypatch.setattr(driver, '_active', NoDevice())
    return found


@pytest.mark.parametrize(
    ('dtype', 'heads', 'width', 'more'),
    [
        (torch.float32, 4, 32, False),
        (torch.bfloat16, 1, 256, True),
        (torch.float64, 3, 7, True),
    ],
)
def test_every_kernel_compiles(compiled, dtype, heads, width, more):
    pattern = make_pattern(perm=more, index=torch.int64 if more else torch.int32)
    slots = pattern.col.numel()
    keep = make_keep(pattern) if more else None
    x, grad = (draw(n, heads, width, dtype=dtype) for n in (9, ROWS))
    value, mask = draw(slots, heads, dtype=dtype), draw(slots, dtype=dtype)
    options = (value, x) if more else (None, x)
    for reduce in ('mean', 'max'):
        triton.spmm(*pattern[:3], keep, *options, reduce)
    triton.spmm_backward(*pattern[3:], keep, value, x, grad)
    triton.spmm_max_backward(*pattern[:3], keep, *options, grad, grad, *pattern[3:])
    triton.sddmm(*pattern[:3], keep, grad, x)
    triton.sddmm_add(*pattern[:3], grad[:, :, 0], x[:, :, 0])
    triton.segment_softmax_backward(
        pattern.rowptr, triton.segment_softmax(pattern.rowptr, value), value
    )
    seed = torch.tensor(1) if more else None
    args = (x, x[:, :, 0], grad[:, :, 0], mask if more else None, 0.2, more * 0.5, seed)
    out = triton.gat_aggregate(*pattern[:3], *args)
    triton.gat_backward(*pattern, *args, *out, grad)
    triton.sparse_linear(
        pattern.rowptr, pattern.col, value[:, 0], draw(40, 9).to(dtype)
    )
    kernels = {name for name, _ in compiled}
    assert len(kernels) == 11
    if width % 4 == 0:  # dense rows are read 16 bytes at a time
        gathers = ('_sddmm_kernel', '_spread_kernel', '_attend')
        assert all('.v4' in code for name, code in compiled if name.startswith(gathers))
    assert not any('atom' in code for _, code in compiled)
