import importlib.util

import pytest

from tests.helpers import one_thread  # noqa: F401

COMPILED = importlib.util.find_spec('graphsparse.kernels._native') is not None


@pytest.fixture
def compiled():
    if not COMPILED:
        pytest.skip('installed without native kernels')
