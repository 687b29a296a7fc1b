import torch

from benchmarks import gpu
from benchmarks.measure import make_graph


def test_its_checks_pass_and_can_fail(monkeypatch):
    pattern, _ = make_graph(6, 24)
    found = list(gpu.run_checks(gpu.shuffle(pattern), torch.float32, 2, 3))
    assert len(found) >= 20
    assert not [check for check in found if check.fails]
    from graphsparse.kernels import triton

    monkeypatch.setattr(triton, 'sddmm', lambda *args: torch.ones(24, 2))
    monkeypatch.setattr(triton, 'segment_reduce', None)
    monkeypatch.setattr(gpu, 'CHECKS', (gpu.check_sddmm, gpu.check_segment))
    fails = [c for c in gpu.run_checks(pattern, torch.float32, 2, 3) if c.fails]
    names = [check.name.split(',')[0] for check in fails]
    assert names == ['sddmm', 'check_segment']
    assert 'not callable' in fails[1].problem
