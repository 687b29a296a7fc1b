import os
import subprocess
import sys
import time
import warnings
from pathlib import Path

import pytest
import torch
from torch.testing import assert_close

from graphsparse.kernels import (
    gat_aggregate,
    native,
    native_ops,
    reference,
    sample_neighbors,
    sddmm,
    spmm,
)
from tests.helpers import random_pattern


@pytest.fixture
def not_built(monkeypatch):
    """As after an install without a compiler."""
    monkeypatch.setitem(sys.modules, 'graphsparse.kernels._native', None)
    native._module.cache_clear()
    yield
    native._module.cache_clear()


def work(x):
    pattern = random_pattern(x.size(0), x.size(0), 500, perm=True)
    value = torch.linspace(-1, 1, 500, dtype=x.dtype)
    return [
        *(spmm(pattern, x, value, reduce) for reduce in ('sum', 'mean', 'max')),
        sddmm(pattern, x, x + 1),
    ]


def test_without_the_module_one_warning_and_the_same_numbers(compiled, not_built):
    x = torch.randn(50, 13, dtype=torch.float64)
    with pytest.warns(UserWarning, match='Install g') as caught:
        slow = work(x)
        assert native_ops() == []
        work(x)
    assert len([w for w in caught if 'native kernels' in str(w.message)]) == 1
    native._module.cache_clear()
    sys.modules.pop('graphsparse.kernels._native')
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        fast = work(x)
        assert {'spmm_sum', 'sddmm', 'transpose'} <= set(native_ops())
    for a, b in zip(slow, fast, strict=True):
        assert_close(a, b, rtol=1e-12, atol=1e-12)


def test_compiled_kernels_are_what_runs(compiled, monkeypatch):
    for name in ('spmm', 'sddmm'):
        monkeypatch.setattr(reference, name, None)
    for dtype in (torch.float32, torch.float64):
        work(torch.randn(50, 13, dtype=dtype))
    with pytest.raises(TypeError):
        work(torch.randn(50, 13).half())


def test_places_of_another_integer_type_than_columns(compiled):
    pattern = random_pattern(9, 7, 40, torch.int32, perm=True)
    mixed = pattern._replace(perm=pattern.perm.long())
    x, value = torch.randn(7, 5), torch.randn(40)
    assert torch.equal(spmm(mixed, x, value), spmm(pattern, x, value))


def test_places_too_large_for_the_type_of_the_columns():
    col, perm = torch.tensor([1, 0], dtype=torch.int32), torch.tensor([2**31, 5])
    for index in native.one_type(col, perm, None)[:2]:
        assert index.dtype == torch.int64
    assert native.one_type(col, perm)[1].tolist() == [2**31, 5]
    assert native.one_type(col, None)[0] is col


@pytest.mark.parametrize('narrow', [('col', 'perm'), ('t_col', 't_perm')])
def test_a_transpose_of_another_integer_type(compiled, narrow):
    pattern = random_pattern(9, 7, 40, torch.int64, perm=True)
    mixed = pattern._replace(**{name: getattr(pattern, name).int() for name in narrow})
    x, value = torch.randn(7, 2, 5), torch.randn(40, 2)
    source, target = torch.randn(7, 2), torch.randn(9, 2)

    def gradients(given):
        leaves = [t.clone().requires_grad_() for t in (x, value, source, target)]
        outs = [spmm(given, *leaves[:2], reduce) for reduce in ('sum', 'max')]
        outs.append(gat_aggregate(given, leaves[0], *leaves[2:]))
        return torch.autograd.grad(sum(t.square().sum() for t in outs), leaves)

    for a, b in zip(gradients(mixed), gradients(pattern), strict=True):
        assert torch.equal(a, b)


def test_values_of_another_type_are_taken_to_that_of_x():
    pattern = random_pattern(9, 7, 40)
    x, value = torch.randn(7, 1, 5), torch.randn(40, 1, dtype=torch.float64)
    expected = reference.spmm(*pattern[:3], None, value.float(), x, 'sum')
    assert_close(spmm(pattern, x, value), expected)


def test_a_second_thread_only_where_it_pays(monkeypatch):
    asked = []

    class Module:
        def __getattr__(self, name):
            return lambda *args: asked.append(args[-1])

    pattern = random_pattern(9, 7, 1024)
    monkeypatch.setattr(native, '_module', Module)
    torch.set_num_threads(2)
    for width in (32, 33):
        spmm(pattern, torch.ones(7, width))
    assert asked == [1, 2]


@pytest.mark.parametrize('isa', ['baseline', 'avx2'])
def test_builds_for_lesser_machines_say_the_same(compiled, isa):
    if native._module()._ISA == 'baseline':
        pytest.skip('nothing is less than this machine')
    tests = [
        'test_spmm.py',
        'test_sddmm.py',
        'test_segment.py',
        'test_gat_aggregate.py',
    ]
    folder = Path(__file__).parent
    command = [sys.executable, '-m', 'pytest', '-q', '-n0', '-p', 'no:cacheprovider']
    done = subprocess.run(
        [*command, '-k', 'reference or float', *(str(folder / name) for name in tests)],
        env=os.environ | {'GRAPHSPARSE_ISA': isa},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout
    asked = [
        sys.executable,
        '-c',
        'from graphsparse.kernels import native;print(native._module()._ISA)',
    ]
    found = subprocess.run(
        asked, env=os.environ | {'GRAPHSPARSE_ISA': isa}, capture_output=True, text=True
    )
    assert found.stdout.strip() == isa


def wait_for(child, seconds):
    """The exit status of a forked child, or None if it had to be killed."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        pid, status = os.waitpid(child, os.WNOHANG)
        if pid:
            return os.waitstatus_to_exitcode(status)
        time.sleep(0.01)
    os.kill(child, 9)
    os.waitpid(child, 0)
    return None


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_a_forked_child_does_not_hang(compiled):
    torch.set_num_threads(2)
    pattern = random_pattern(600, 500, 5000)
    x = torch.randn(500, 16)
    expected = spmm(pattern, x)
    child = os.fork()
    if child == 0:
        code = 1
        try:
            code = 0 if torch.equal(spmm(pattern, x), expected) else 2
        finally:
            os._exit(code)
    assert wait_for(child, seconds=10) == 0


class Batches(torch.utils.data.Dataset):
    """What a worker makes with our kernels, in a process of its own."""

    def __init__(self):
        self.pattern = random_pattern(600, 600, 5000)
        self.x = torch.randn(600, 16, generator=torch.Generator().manual_seed(0))

    def __len__(self):
        return 8

    def __getitem__(self, number):
        csr, seeds = self.pattern[:2], torch.arange(number, 600, 8)
        sample = sample_neighbors(*csr, seeds, [5, 5], seed=number)
        return spmm(self.pattern, self.x), sample.node, sample.slot


@pytest.mark.skipif(not hasattr(os, 'fork'), reason='no fork here')
@pytest.mark.filterwarnings('ignore::DeprecationWarning')
def test_workers_of_a_loader_do_not_hang(compiled, any_thread):
    torch.set_num_threads(2)
    batches = Batches()
    expected = [batches[number] for number in range(len(batches))]
    loader = torch.utils.data.DataLoader(
        batches,
        batch_size=None,
        num_workers=2,
        multiprocessing_context='fork',
        timeout=60,  # an error, where a worker hangs
    )
    for found, wanted in zip(loader, expected, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(found, wanted, strict=True))
