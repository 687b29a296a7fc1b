"""That `make sanitize` would see a mistake: here are some on purpose."""

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.skipif(
    'asan' not in os.environ.get('LD_PRELOAD', ''), reason='for `make sanitize`'
)


@pytest.mark.parametrize(
    ('call', 'report'),
    [
        ('_read_past_the_end(4)', 'AddressSanitizer: heap-buffer-overflow'),
        ('_add_past_the_end(1)', 'runtime error: signed integer overflow'),
    ],
)
def test_a_planted_mistake_ends_the_process(call, report):
    code = f'from graphsparse.kernels import _native; _native.{call}; print("alive")'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert run.returncode != 0
    assert report in run.stderr
    assert 'alive' not in run.stdout


def test_an_exception_does_not():
    code = 'from graphsparse.kernels import _native; _native.transpose_i32("no")'
    run = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True)
    assert run.stderr.splitlines()[0].startswith('Traceback')
    assert 'TypeError' in run.stderr
