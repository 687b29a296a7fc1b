import subprocess
import sys

import pytest
import torch

from benchmarks import gpu


def test_the_benchmark_says_that_there_is_no_device(monkeypatch, capsys):
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    monkeypatch.setattr(sys, 'argv', ['gpu', '--json', '--repeats', '30'])
    with pytest.raises(SystemExit) as left:
        gpu.main()
    assert left.value.code == 2
    said = capsys.readouterr().out.strip()
    assert 'no CUDA device' in said
    assert '\n' not in said


def test_nothing_imports_the_kernels_before_they_are_needed():
    code = (
        'import sys, graphsparse.kernels, benchmarks.gpu\n'
        'assert "graphsparse.kernels.triton" not in sys.modules'
    )
    subprocess.run([sys.executable, '-c', code], check=True)
