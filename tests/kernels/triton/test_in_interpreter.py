import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

FOLDER = Path(__file__).parent / 'interpreted'


def test_kernels_in_the_interpreter():
    triton = pytest.importorskip('triton')
    old, new = (m.__version__.split('.')[:2] for m in (triton, np))
    if [int(n) for n in old] < [3, 7] and [int(n) for n in new] >= [2, 4]:
        pytest.skip('the interpreter of this triton needs numpy < 2.4')
    done = subprocess.run(
        [sys.executable, '-m', 'pytest', '-p', 'no:cacheprovider', '-n0', str(FOLDER)],
        env=os.environ | {'TRITON_INTERPRET': '1', 'CUDA_VISIBLE_DEVICES': ''},
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
    passed = re.search(r'(\d+) passed', done.stdout)
    assert passed
    assert int(passed[1]) >= 60
