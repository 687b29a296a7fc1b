"""What a threshold among many scores costs, beside ``torch.kthvalue``.

    OMP_NUM_THREADS=1 python -m benchmarks.select

368,640 numbers are the weights of a GCN of width 256 on Cora. Ratios below 1 are
faster than torch; all take their turn in every round.
"""

from __future__ import annotations

import torch

from benchmarks.layout import interleaved
from graphsparse.kernels import global_topk, kth_value, reference

SIZE = 368_640


def main() -> None:
    """Print the table."""
    torch.set_num_threads(1)
    generator = torch.Generator().manual_seed(0)
    even = torch.rand(SIZE, generator=generator) - 0.5
    scores = {
        'float32, uniform': even,
        'float32, normal': torch.randn(SIZE, generator=generator),
        'float32, 100 values': (even * 100).round(),
        'float64, uniform': even.double(),
    }
    k = SIZE // 10
    for name, score in scores.items():
        runs = {
            'torch': lambda s=score: s.kthvalue(SIZE - k + 1),
            'kth_value': lambda s=score: kth_value(s, SIZE - k + 1),
            'global_topk': lambda s=score: global_topk(s, k),
            'mask by torch': lambda s=score: reference.topk_mask(s, k),
        }
        seconds = dict(interleaved(runs, rounds=31))
        torch_ = seconds.pop('torch')
        ratios = (f'{op} {taken / torch_:.2f}' for op, taken in seconds.items())
        print(f'{name}: torch.kthvalue {1e3 * torch_:.2f} ms; {", ".join(ratios)}')


if __name__ == '__main__':
    main()
