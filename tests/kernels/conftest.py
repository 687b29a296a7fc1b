import pytest


@pytest.fixture
def both(compiled, monkeypatch):
    """``both(run, ...)``: what a sampler gives natively, and by the reference."""

    def run_both(run, *args, **options):
        native = run(*args, **options)
        with monkeypatch.context() as patch:
            patch.setattr('graphsparse.kernels.draw.native_call', lambda *_: False)
            return native, run(*args, **options)

    return run_both


@pytest.fixture
def any_thread(monkeypatch):
    """However little there is to do, as many threads as torch is set to."""
    monkeypatch.setattr('graphsparse.kernels.native._SERIAL', -1)
