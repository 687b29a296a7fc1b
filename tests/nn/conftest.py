import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Graphs of ten nodes: waking a second thread takes longer than the work."""
    torch.set_num_threads(1)
