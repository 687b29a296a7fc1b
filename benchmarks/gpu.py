"""The Triton kernels on a CUDA device: right first, then timed beside torch and PyG.

    python -m benchmarks.gpu            checks and a table
    python -m benchmarks.gpu --json     and one JSON object as the last line

Every op is held to the float64 reference on the same operands, then timed. A time is
the median of at least 20 runs between two CUDA events, with 256 MiB written before each
so that no operand is left in the cache. The exit status is 1 if a check fails, and 2
where there is no CUDA device.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from itertools import pairwise

import torch
import torch_geometric.nn as pyg
from torch import Tensor
from torch_geometric.utils import scatter, softmax

from benchmarks.measure import Figure, faster, make_graph
from graphsparse import kernels
from graphsparse.kernels import Pattern, pack_bits, reference
from graphsparse.nn import GATConv, GCNConv

BARS = {torch.float32: 1e-4, torch.bfloat16: 3e-2}
FLUSH = 2**28  # bytes, five times the second-level cache of an H200


@dataclass(frozen=True)
class Check:
    """One op of ours against the float64 reference.

    Attributes:
        name: The op, and which of its results.
        dtype: Of its operands.
        error: Largest difference over the largest number expected.
        bar: What the error may reach.
        problem: What went wrong instead of an answer, if anything did.
    """

    name: str
    dtype: str
    error: float
    bar: float
    problem: str = ''

    @property
    def fails(self) -> bool:
        """Whether the op is wrong, or did not run."""
        return bool(self.problem) or not self.error <= self.bar


Results = dict[str, tuple[Tensor, Tensor]]  # by name: ours and what is expected


def move(pattern: Pattern, device: str) -> Pattern:
    """The pattern on a device."""
    return Pattern(*(t if t is None else t.to(device) for t in pattern))


def shuffle(pattern: Pattern) -> Pattern:
    """The same non-zeros over values that stand in another order."""
    assert pattern.t_perm is not None
    generator = torch.Generator().manual_seed(2)
    perm = torch.randperm(pattern.col.numel(), generator=generator)
    perm = perm.to(pattern.col.device, pattern.col.dtype)
    return pattern._replace(perm=perm, t_perm=perm[pattern.t_perm.long()])


class Operands:
    """What the ops are checked on: random numbers of a type, rounded once."""

    def __init__(
        self, pattern: Pattern, heads: int, features: int, dtype: torch.dtype
    ) -> None:
        generator = torch.Generator().manual_seed(0)
        device = pattern.col.device

        def draw(*shape: int) -> Tensor:
            return torch.randn(*shape, generator=generator).to(device, dtype)

        rows, slots = pattern.rowptr.numel() - 1, pattern.col.numel()
        assert pattern.t_rowptr is not None
        cols = pattern.t_rowptr.numel() - 1
        self.pattern = pattern
        self.x, self.grad = draw(cols, heads, features), draw(rows, heads, features)
        self.value, self.mask = draw(slots, heads), draw(slots).sigmoid()
        self.source, self.target = draw(cols, heads), draw(rows, heads)
        self.keep = pack_bits(draw(slots) > -1)
        self.seed = torch.tensor(-(2**40) - 7, device=device)


def exact(*tensors: Tensor | None) -> list[Tensor | None]:
    """The same numbers in float64, as leaves."""
    return [None if t is None else t.double().requires_grad_() for t in tensors]


def check_spmm(o: Operands) -> Results:
    """Sum, mean, maximum and minimum, and the gradients of the first and the third."""
    from graphsparse.kernels import triton

    p, out = o.pattern, {}
    for reduce in ('sum', 'mean', 'max', 'min'):
        args = (*p[:3], o.keep)
        ours = triton.spmm(*args, o.value, o.x, reduce)
        theirs = reference.spmm(*args, o.value.double(), o.x.double(), reduce)
        out[f'spmm {reduce}'] = ours, theirs
    value, x = exact(o.value, o.x)
    theirs = torch.autograd.grad(
        reference.spmm(*p[:3], o.keep, value, x, 'sum'), (value, x), o.grad.double()
    )
    ours = triton.spmm_backward(*p[3:], o.keep, o.value, o.x, o.grad)
    for name, pair in zip(('value', 'x'), zip(ours, theirs, strict=True), strict=True):
        out[f'spmm sum, gradient to {name}'] = pair
    # Without values: products that float64 tells apart are ties in a half type.
    args = (*p[:3], o.keep, None)
    top = triton.spmm(*args, o.x, 'max')
    (x,) = exact(o.x)
    expected = reference.spmm(*args, x, 'max')
    (theirs,) = torch.autograd.grad(expected, x, o.grad.double())
    ours = triton.spmm_max_backward(*args, o.x, top, o.grad, *p[3:])[1]
    return out | {'spmm max, gradient to x': (ours, theirs)}


def check_sddmm(o: Operands) -> Results:
    """Products and sums at the non-zeros."""
    from graphsparse.kernels import triton

    args = (*o.pattern[:3], o.keep)
    theirs = reference.sddmm(*args, o.grad.double(), o.x.double())
    sums = (o.target.double(), o.source.double())
    return {
        'sddmm': (triton.sddmm(*args, o.grad, o.x), theirs),
        'sddmm_add': (
            triton.sddmm_add(*o.pattern[:3], o.target, o.source),
            reference.sddmm_add(*o.pattern[:3], *sums),
        ),
    }


def check_segment(o: Operands) -> Results:
    """Reductions and softmax over rows, and the gradient of the latter."""
    from graphsparse.kernels import triton

    rowptr, out = o.pattern.rowptr, {}
    for reduce in ('sum', 'mean', 'max', 'min'):
        ours = triton.segment_reduce(rowptr, o.value, reduce)
        theirs = reference.segment_reduce(rowptr, o.value.double(), reduce)
        out[f'segment_reduce {reduce}'] = ours, theirs
    (score,) = exact(o.value)
    expected = reference.segment_softmax(rowptr, score)
    ours = triton.segment_softmax(rowptr, o.value)
    out['segment_softmax'] = ours, expected
    grad = o.value.flip(0)
    (theirs,) = torch.autograd.grad(expected, score, grad.double())
    ours = triton.segment_softmax_backward(rowptr, ours, grad)
    return out | {'segment_softmax, gradient': (ours, theirs)}


def check_gat(o: Operands) -> Results:
    """Attention with a soft mask and dropout, and its gradients."""
    from graphsparse.kernels import triton

    p, options = o.pattern, (0.2, 0.4, o.seed)
    given = (o.x, o.source, o.target, o.mask)
    out, log_total = triton.gat_aggregate(*p[:3], *given, *options)
    ours = triton.gat_backward(*p, *given, *options, out, log_total, o.grad)
    leaves = exact(*given)
    expected, expected_log = reference.gat_aggregate(*p[:3], *leaves, *options)
    theirs = torch.autograd.grad(expected, leaves, o.grad.double())
    some = p.rowptr.diff() > 0
    return {
        'gat_aggregate': (out, expected),
        'gat_aggregate, logarithm': (log_total[some], expected_log[some]),
        **{
            f'gat_aggregate, gradient to {name}': pair
            for name, *pair in zip(
                ('x', 'source', 'target', 'mask'), ours, theirs, strict=True
            )
        },
    }


def check_linear(o: Operands) -> Results:
    """Dense times sparse: the graph for a weight, a few nodes."""
    from graphsparse.kernels import triton

    generator = torch.Generator().manual_seed(4)
    x = torch.randn(33, o.x.size(0), generator=generator).to(o.x)
    args = (o.pattern.rowptr, o.pattern.col)
    value = o.value[:, 0].contiguous()
    theirs = reference.sparse_linear(*args, value.double(), x.double())
    return {'sparse_linear': (triton.sparse_linear(*args, value, x), theirs)}


CHECKS = (check_spmm, check_sddmm, check_segment, check_gat, check_linear)


def run_checks(
    pattern: Pattern, dtype: torch.dtype, heads: int, features: int
) -> Iterator[Check]:
    """Every op on one graph, in one type; one that breaks does not stop the rest."""
    operands, bar = Operands(pattern, heads, features, dtype), BARS[dtype]
    label = f'{heads} x {features}{"" if pattern.perm is None else ", shuffled"}'
    for check in CHECKS:
        try:
            results = check(operands)
        except Exception as error:  # a kernel that does not compile, say
            problem = f'{type(error).__name__}: {error}'[:500]
            yield Check(f'{check.__name__}, {label}', str(dtype), 0, bar, problem)
            continue
        for name, (ours, theirs) in results.items():
            scale = theirs.detach().abs().max().clamp(min=1e-30)
            error = (ours.double() - theirs.detach()).abs().max() / scale
            yield Check(f'{name}, {label}', str(dtype), error.item(), bar)


def all_checks() -> list[Check]:
    """Both types, one head and several, with and without a permutation."""
    pattern = move(make_graph(20_000, 300_000)[0], 'cuda')
    return [
        check
        for dtype in BARS
        for graph, heads, features in (
            (pattern, 1, 128),
            (shuffle(pattern), 4, 32),
            (shuffle(pattern), 3, 7),
            (pattern, 1, 300),
        )
        for check in run_checks(graph, dtype, heads, features)
    ]


def seconds(run: Callable[[], object], repeats: int) -> float:
    """Median seconds on the device, the cache flushed before every run."""
    for _ in range(3):
        run()
    flush = torch.empty(FLUSH, dtype=torch.uint8, device='cuda')
    events = []
    for _ in range(repeats):
        flush.zero_()
        begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begin.record()
        run()
        end.record()
        events.append((begin, end))
    torch.cuda.synchronize()
    return statistics.median(begin.elapsed_time(end) for begin, end in events) / 1e3


def peak(run: Callable[[], object]) -> int:
    """Bytes that a run takes beside what is there before it."""
    run()
    torch.cuda.synchronize()
    torch.cuda.reset_peak_memory_stats()
    before = torch.cuda.memory_allocated()
    run()
    torch.cuda.synchronize()
    return torch.cuda.max_memory_allocated() - before


class Bench:
    """One graph on the device, and the figures taken on it."""

    def __init__(self, num_nodes: int, num_arcs: int, repeats: int) -> None:
        pattern, row = make_graph(num_nodes, num_arcs)
        self.pattern, self.row = move(pattern, 'cuda'), row.cuda()
        self.col = self.pattern.col.long()
        self.nodes, self.arcs, self.repeats = num_nodes, num_arcs, repeats
        self.edge_index = torch.stack([self.col, self.row])
        self.figures: list[Figure] = []
        self.memory: dict[str, list[int]] = {}
        self.problems: list[str] = []
        source = torch.empty(2**28, device='cuda')
        target = torch.empty_like(source)
        copy = seconds(lambda: target.copy_(source), repeats)
        self.copy = 2 * source.numel() * 4 / copy  # bytes a second

    def compare(
        self,
        name: str,
        ours: Callable[[], object],
        peers: dict[str, Callable[[], object]],
        moved: int = 0,
        memory: bool = False,
        bar: float = 1,
    ) -> None:
        """Figures against each peer, and against the bytes an op has to move."""
        try:
            mine = seconds(ours, self.repeats)
        except Exception as error:
            self.problems.append(f'{name}: {type(error).__name__}: {error}'[:500])
            return
        if moved:
            rate = moved / mine
            part = f'{name}: bytes a second over those of a copy'
            figure = Figure(part, 1 / rate, 1 / self.copy, rate / self.copy, 0.7)
            self.figures.append(figure)
        for peer, run in peers.items():
            label = f'{name} against {peer}'
            try:
                figure = faster(label, mine, seconds(run, self.repeats), bar)
                self.figures.append(figure)
                if memory:
                    self.memory[label] = [peak(ours), peak(run)]
            except Exception as error:  # a peer may not serve this type or gradient
                self.problems.append(f'{label}: {type(error).__name__}: {error}'[:500])

    def forward(self, dtype: torch.dtype, width: int = 128) -> None:
        """Products without gradients."""
        kind = f'{str(dtype)[6:]}, {width} features'
        p, nodes, arcs = self.pattern, self.nodes, self.arcs
        x, a = (torch.randn(nodes, width, device='cuda').to(dtype) for _ in range(2))
        value = torch.rand(arcs, device='cuda').to(dtype)
        csr = torch.sparse_csr_tensor(p.rowptr, self.col, value, (nodes,) * 2)
        zeros = torch.zeros_like(value)
        mask = torch.sparse_csr_tensor(p.rowptr, self.col, zeros, (nodes,) * 2)
        row, col, size = self.row, self.col, x.element_size()

        def gather(reduce: str) -> Callable[[], Tensor]:
            return lambda: scatter(
                x[col] * value.unsqueeze(1), row, 0, nodes, reduce=reduce
            )

        gathered = arcs * (width * size + 4)  # rows of x, columns
        self.compare(
            f'spmm, {kind}',
            lambda: kernels.spmm(p, x, value),
            {'torch CSR': lambda: csr @ x, 'gather and scatter': gather('sum')},
            moved=gathered + arcs * size + nodes * (width * size + 8),
        )
        self.compare(
            f'spmm max, {kind}',
            lambda: kernels.spmm(p, x, value, 'max'),
            {'gather and scatter': gather('max')},
            moved=gathered + arcs * size + nodes * (width * size + 8),
        )
        self.compare(
            f'sddmm, {kind}',
            lambda: kernels.sddmm(p, a, x),
            {
                'sampled_addmm': lambda: torch.sparse.sampled_addmm(mask, a, x.t()),
                'gather, multiply, sum': lambda: (a[row] * x[col]).sum(-1),
            },
            moved=gathered + arcs * size + nodes * (width * size + 8),
        )

    def segments(self) -> None:
        """Softmax over rows."""
        score = torch.randn(self.arcs, 4, device='cuda')
        self.compare(
            'segment_softmax, 4 heads',
            lambda: kernels.segment_softmax(self.pattern.rowptr, score),
            {'PyG softmax': lambda: softmax(score, self.row, num_nodes=self.nodes)},
        )

    def gradients(self) -> None:
        """Forward and backward of spmm to features and values."""
        p, nodes = self.pattern, self.nodes
        x = torch.randn(nodes, 128, device='cuda', requires_grad=True)
        value = torch.rand(self.arcs, device='cuda', requires_grad=True)
        grad = torch.randn(nodes, 128, device='cuda')
        csr = torch.sparse_csr_tensor(
            p.rowptr, self.col, value.detach(), (nodes,) * 2
        ).requires_grad_()

        def gathered() -> Tensor:
            message = x[self.col] * value.unsqueeze(1)
            return scatter(message, self.row, 0, nodes, reduce='sum')

        def back(
            run: Callable[[], Tensor], *leaves: Tensor
        ) -> Callable[[], tuple[Tensor, ...]]:
            return lambda: torch.autograd.grad(run(), leaves, grad)

        self.compare(
            'spmm forward and backward',
            back(lambda: kernels.spmm(p, x, value), x, value),
            {
                'torch CSR': back(lambda: torch.sparse.mm(csr, x), x, csr),
                'gather and scatter': back(gathered, x, value),
            },
            memory=True,
        )

    def layers(self) -> None:
        """A GAT layer, and an epoch of a GCN of three."""
        x = torch.randn(self.nodes, 128, device='cuda')
        label = torch.randint(40, (self.nodes,), device='cuda')

        def attend(make: type[pyg.GATConv]) -> Callable[[], None]:
            layer = make(128, 32, heads=4).cuda()
            wide = x.clone().requires_grad_()
            return lambda: layer(wide, self.edge_index).square().mean().backward()

        def epoch(make: type[pyg.GCNConv]) -> Callable[[], None]:
            sizes = pairwise((128, 256, 256, 40))
            convs = torch.nn.ModuleList(make(*s, cached=True) for s in sizes).cuda()
            optimizer = torch.optim.Adam(convs.parameters(), lr=0.01)

            def step() -> None:
                optimizer.zero_grad()
                h = x
                for conv in convs[:-1]:
                    h = conv(h, self.edge_index).relu()
                h = convs[-1](h, self.edge_index)
                torch.nn.functional.cross_entropy(h, label).backward()
                optimizer.step()

            return step

        for name, run, pair in (
            ('GAT layer, 4 heads x 32, both ways', attend, (GATConv, pyg.GATConv)),
            ('GCN 128-256-256-40, an epoch', epoch, (GCNConv, pyg.GCNConv)),
        ):
            ours, theirs = (run(make) for make in pair)
            self.compare(name, ours, {'PyG': theirs}, memory=True)


def main() -> None:
    """Check, measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--json', action='store_true', help='end with a JSON object')
    parser.add_argument('--repeats', type=int, default=20, help='runs behind a median')
    parser.add_argument('--nodes', type=int, default=169_343, help='of the timed graph')
    parser.add_argument('--arcs', type=int, default=2_314_693, help='of the same')
    options = parser.parse_args()
    if not torch.cuda.is_available():
        print('There is no CUDA device here: benchmarks.gpu has nothing to measure.')
        sys.exit(2)
    import triton

    start = time.perf_counter()
    warnings.filterwarnings('ignore', 'Sparse')
    checks = all_checks()
    for check in checks:
        verdict = 'WRONG' if check.fails else 'right'
        dtype = check.dtype.removeprefix('torch.')
        print(f'{verdict} {check.error:9.1e} {dtype:9} {check.name} {check.problem}')
    bench = Bench(options.nodes, options.arcs, max(20, options.repeats))
    for dtype in (torch.float32, torch.bfloat16):
        bench.forward(dtype)
    bench.segments()
    bench.gradients()
    bench.layers()
    print(f'copy: {bench.copy / 1e9:.0f} GB/s; the cache is flushed before every run')
    for figure in bench.figures:
        verdict = 'falls short' if figure.falls_short else 'reached'
        times = f'{figure.ours * 1e3:8.3f} ms' if figure.ours > 1e-7 else ' ' * 11
        print(
            f'{figure.ratio:8.2f} >= {figure.bar:<4g} {verdict:12}{times} {figure.name}'
        )
    for name, (ours, peer) in bench.memory.items():
        print(f'{ours / 2**20:8.0f} MiB and {peer / 2**20:.0f} MiB at most: {name}')
    for problem in bench.problems:
        print(f'did not run: {problem}')
    if options.json:
        result = {
            'device': torch.cuda.get_device_name(),
            'capability': torch.cuda.get_device_capability(),
            'torch': torch.__version__,
            'cuda': torch.version.cuda,
            'triton': triton.__version__,
            'seconds': time.perf_counter() - start,
            'copy_bytes_per_second': bench.copy,
            'checks': [asdict(c) | {'fails': c.fails} for c in checks],
            'figures': [
                asdict(f) | {'falls_short': f.falls_short} for f in bench.figures
            ],
            'peak_bytes': bench.memory,
            'problems': bench.problems,
        }
        print(json.dumps(result))
    sys.exit(1 if any(check.fails for check in checks) else 0)


if __name__ == '__main__':
    main()
