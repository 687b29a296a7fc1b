import importlib.util

import pytest

COMPILED = importlib.util.find_spec('graphsparse.kernels._native') is not None


@pytest.fixture
def compiled():
    if not COMPILED:
        pytest.skip('installed without native kernels')
