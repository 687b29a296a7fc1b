import os

import pytest

# Triton reads the variable when its decorators run: a process is for or against it.
INTERPRETED = os.environ.get('TRITON_INTERPRET') == '1'
collect_ignore_glob = [] if INTERPRETED else ['test_*.py']


@pytest.fixture(autouse=True)
def chunk(monkeypatch):
    """Most rows in pieces; ``chunk(512)``: each in one program."""
    from graphsparse.kernels.triton import launch

    def change(size):
        monkeypatch.setattr(launch, 'CHUNK', size)

    change(8)
    return change
