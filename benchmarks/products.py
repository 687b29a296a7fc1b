"""What a graph of ogbn-products' size takes, in time and memory, step by step.

    python -m benchmarks.products --folder FOLDER [--nodes 2449029] [--threads 2]

The graph is drawn once into the folder and stays there (5 GB with the hops). Every step
runs in a fresh process, which reads graph and features as memory maps and prints a JSON
line; all lines go to ``benchmarks/products.json``.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import deque
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch_geometric.data import Data

from benchmarks.measure import in_fresh_process
from benchmarks.record import write_record
from graphsparse.engine import PeakMemory, make_folder
from graphsparse.graph import Adjacency
from graphsparse.loading import HopStore
from graphsparse.pruning.edges.teddy import TeddyScore
from graphsparse.scaling import Branch, Decoupled, Sampled
from graphsparse.training import NodeTask, SampledTask, Training, Watch

NODES, EDGES, FEATURES, CLASSES = 2_449_029, 61_859_140, 100, 47
TRAIN, VAL = 196_615, 39_323
LARGEST_DEGREE = 17_481  # of products
HOPS = 3
FANOUTS, BATCH = (15, 10), 1024
BLOCK_NODES = 2**16  # of inference, layer by layer
BLOCK = 2**22  # pairs drawn together
RECORD = Path(__file__).with_name('products.json')

Facts = dict[str, float]


# The graph.


def make_files(folder: Path, num_nodes: int, seed: int = 0) -> None:
    """Draw graph, features, labels and split into ``.npy`` files, if not there."""
    if (folder / 'part.npy').exists():
        return
    rng, scale = np.random.default_rng(seed), num_nodes / NODES
    _write_rows(folder, _draw_pairs(num_nodes, round(EDGES * scale), rng), num_nodes)
    x = np.lib.format.open_memmap(
        folder / 'x.npy', 'w+', np.float32, (num_nodes, FEATURES)
    )
    rows = BLOCK // FEATURES
    for begin in range(0, num_nodes, rows):
        part = x[begin : begin + rows]
        part[:] = rng.standard_normal(part.shape, np.float32)
    x.flush()
    np.save(folder / 'y.npy', rng.integers(CLASSES, size=num_nodes))
    train, val = round(TRAIN * scale), round(VAL * scale)
    part = np.full(num_nodes, 2, np.int8)
    part[:train], part[train : train + val] = 0, 1
    np.save(folder / 'part.npy', rng.permutation(part))


def _draw_pairs(num_nodes: int, count: int, rng: np.random.Generator) -> np.ndarray:
    """Distinct pairs ``min * num_nodes + max``, sorted; power-law degrees.

    Ends are drawn by weights with tail exponent 2 (of degrees: 3), cut such that no
    node expects more neighbours than the largest hub of products has.
    """
    weight = rng.random(num_nodes) ** -0.5
    weight = np.minimum(weight, weight.mean() * LARGEST_DEGREE * num_nodes / count / 2)
    ends = np.cumsum(weight)
    pairs = np.empty(0, np.int64)
    while len(pairs) < count:
        more = np.empty(count - len(pairs), np.int64)
        for begin in range(0, len(more), BLOCK):
            size = min(BLOCK, len(more) - begin)
            drawn = np.searchsorted(ends, rng.random((2, size)) * ends[-1])
            low, high = drawn.min(0), drawn.max(0)
            # A loop becomes -1, which is dropped.
            more[begin : begin + size] = np.where(
                low < high, low * num_nodes + high, -1
            )
        pairs = np.concatenate([pairs, more])
        pairs.sort()
        pairs = pairs[np.diff(pairs, prepend=-1) > 0]
    return pairs


def _write_rows(folder: Path, pairs: np.ndarray, num_nodes: int) -> None:
    """Both arcs of each pair, as row starts and int32 columns."""
    arcs = np.empty(2 * len(pairs), np.int64)
    for begin in range(0, len(pairs), BLOCK):
        low, high = np.divmod(pairs[begin : begin + BLOCK], num_nodes)
        arcs[begin : begin + len(low)] = low * num_nodes + high
        arcs[len(pairs) + begin :][: len(low)] = high * num_nodes + low
    arcs.sort()
    bounds = np.arange(num_nodes + 1) * num_nodes
    np.save(folder / 'rowptr.npy', np.searchsorted(arcs, bounds))
    col = np.lib.format.open_memmap(folder / 'col.npy', 'w+', np.int32, arcs.shape)
    for begin in range(0, len(arcs), BLOCK):
        col[begin : begin + BLOCK] = arcs[begin : begin + BLOCK] % num_nodes
    col.flush()


def mapped(folder: Path, name: str) -> Tensor:
    """An array on its file. Copy on write: torch has no read-only tensors."""
    return torch.from_numpy(np.load(folder / f'{name}.npy', mmap_mode='c'))


def read_graph(folder: Path) -> Adjacency:
    """The graph on its files, checked."""
    return Adjacency.from_csr(mapped(folder, 'rowptr'), mapped(folder, 'col'))


def read_task(folder: Path) -> NodeTask:
    """Graph and features on their files, labels and split in memory."""
    part = torch.from_numpy(np.load(folder / 'part.npy'))
    masks = {
        f'{name}_mask': part == k for k, name in enumerate(('train', 'val', 'test'))
    }
    y = torch.from_numpy(np.load(folder / 'y.npy'))
    x, graph = mapped(folder, 'x'), read_graph(folder)
    return NodeTask.from_data(Data(x=x, edge_index=graph, y=y, **masks))


# The steps. Each gives its seconds, and whatever else it tells.


def product(folder: Path) -> Facts:
    """One product of torch's CSR with the features: the unit of time."""
    rowptr, col = mapped(folder, 'rowptr').int(), mapped(folder, 'col')
    size = rowptr.numel() - 1
    matrix = torch.sparse_csr_tensor(
        rowptr, col, torch.ones(col.numel()), (size, size), check_invariants=False
    )
    x = mapped(folder, 'x')
    return timed(lambda: matrix @ x)


def copy(folder: Path) -> Facts:
    """The features read from their map and written to a file, once a hop."""

    def write() -> None:
        for _ in range(HOPS):
            with (folder / 'copy').open('wb') as file:
                for rows in mapped(folder, 'x').split(2**26 // (4 * FEATURES)):
                    file.write(rows.numpy().data)
            (folder / 'copy').unlink()

    return timed(write)


def teddy(folder: Path) -> Facts:
    """TEDDY's score of all edges."""
    adj = read_graph(folder)
    return timed(lambda: TeddyScore()(adj))


def hops(folder: Path) -> Facts:
    """The precompute: features propagated, each hop into a file of its own."""
    for path in (folder / 'sign' / 'hops').glob('*.npy'):
        path.unlink()
    adj, x = read_graph(folder), np.load(folder / 'x.npy', mmap_mode='r')
    store = folder / 'sign' / 'hops'
    return timed(lambda: HopStore.build(adj, x, HOPS, folder=store))


def sign(folder: Path) -> Facts:
    """SIGN on those hops: an epoch, validation, the logits of all nodes."""
    (folder / 'sign' / 'sign.safetensors').unlink(missing_ok=True)
    return run_branch(sign_branch(), folder, Watch(folder=folder / 'sign'))


def sign_rows(folder: Path) -> Facts:
    """The steps of that epoch on rows that are in memory already."""
    branch = sign_branch()
    net = branch.make_net(FEATURES, CLASSES)
    optimizer = branch.training.make_optimizer(net)
    train = int((np.load(folder / 'part.npy') == 0).sum())
    rows = torch.randn(min(train, branch.batch_size), HOPS + 1, FEATURES)
    y = torch.randint(CLASSES, (rows.size(0),))

    def epoch() -> None:
        for _ in range(-(-train // branch.batch_size)):
            optimizer.zero_grad()
            functional.cross_entropy(net(rows), y).backward()
            optimizer.step()

    return timed(epoch)


def sage(folder: Path) -> Facts:
    """Neighbour-sampled GraphSAGE: the steps of an epoch, evaluation apart."""
    branch = sage_branch()
    task = SampledTask.of(read_task(folder), branch.make_sampling())
    net = branch.model.build(FEATURES, CLASSES).train()
    optimizer = branch.training.make_optimizer(net)

    def epoch() -> None:
        for part, _ in task.steps(epoch=0, seed=0):
            optimizer.zero_grad()
            part.train_loss(part.predict(net)).backward()
            optimizer.step()

    return timed(epoch)


def sage_nodes(folder: Path) -> Facts:
    """The logits of all nodes from all their neighbours, layer by layer, once."""
    branch = sage_branch()
    task = SampledTask.of(read_task(folder), branch.make_sampling(), branch.block)
    net = branch.model.build(FEATURES, CLASSES)
    return timed(lambda: task.infer(net))


def sage_batches(folder: Path) -> Facts:
    """The batches of that epoch, drawn and their features gathered, with no net."""
    task = SampledTask.of(read_task(folder), sage_branch().make_sampling())
    return timed(lambda: deque(task.steps(0, 0), maxlen=0))


STEPS: dict[str, Callable[[Path], Facts]] = {
    step.__name__: step
    for step in (
        *(product, copy, teddy, hops, sign, sign_rows),
        *(sage, sage_batches, sage_nodes),
    )
}


def one_epoch() -> Training:
    """The branches' own training, but for its length."""
    return Training(epochs=1, lr=0.01, weight_decay=0.0)


def sign_branch() -> Decoupled:
    """SIGN of 3 hops."""
    return Decoupled('sign', HOPS, training=one_epoch())


def sage_branch() -> Sampled:
    """GraphSAGE of 2 layers on sampled neighbours, evaluated in blocks of nodes."""
    sampling = {'num_neighbors': FANOUTS, 'batch_size': BATCH}
    return Sampled(training=one_epoch(), sampling_args=sampling, block=BLOCK_NODES)


def run_branch(branch: Branch, folder: Path, watch: Watch) -> Facts:
    """Everything from the task as it is read, and the epoch's steps among it."""
    task, found = read_task(folder), []
    facts = timed(lambda: found.append(branch.run(task, watch=watch)))
    return facts | {'epoch_seconds': found[0].facts['epoch_seconds']}


def timed(run: Callable[[], object]) -> Facts:
    """Seconds of one run, and what it took of all cores together."""
    start, cpu = time.perf_counter(), time.process_time()
    run()
    done = time.perf_counter() - start
    return {'seconds': done, 'cpu_seconds': time.process_time() - cpu}


def run_step(name: str, folder: Path) -> Facts:
    """A step, and the most memory its process held; for a process of its own."""
    with PeakMemory() as peak:
        facts = STEPS[name](folder)
    rounded = {key: round(value, 2) for key, value in facts.items()}
    return rounded | {
        'peak_mb': peak.megabytes,
        'mapped_mb': round(peak.mapped / 1e6, 1),
    }


def main() -> None:
    """Draw the graph, take every step, write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--folder', type=Path, required=True)
    parser.add_argument('--nodes', type=int, default=NODES)
    parser.add_argument('--threads', type=int, default=2)
    parser.add_argument('--only', default=','.join(STEPS), help='names of steps')
    parser.add_argument('--out', type=Path, default=RECORD, help='the record')
    parser.add_argument('--step', choices=STEPS, help='take one step in this process')
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    if options.step:
        print(json.dumps(run_step(options.step, options.folder)))
        return
    make_folder(options.folder)
    make_files(options.folder, options.nodes)
    given = f'--folder={options.folder}', f'--threads={options.threads}'
    for name in options.only.split(','):
        facts = in_fresh_process(
            'benchmarks.products',
            f'--step={name}',
            *given,
            OMP_NUM_THREADS=str(options.threads),
        )
        print(f'{name:14}', json.dumps(facts), flush=True)
        write(options.out, options.folder, {name: facts})  # a kill loses one step


def write(path: Path, folder: Path, found: dict[str, Facts]) -> None:
    """The record; of steps not taken now, what it says of the same graph stays."""
    arcs, nodes = (
        np.load(folder / f'{name}.npy', mmap_mode='r').size for name in ('col', 'y')
    )
    setting = f'{nodes:,} nodes, {arcs:,} arcs, {FEATURES} features, {CLASSES} classes'
    if path.exists():
        known = json.loads(path.read_text())
        found = (known['measured'] if known['setting'] == setting else {}) | found
    write_record(
        path,
        'python -m benchmarks.products --folder FOLDER',
        setting,
        branches={'sign': sign_branch().config(), 'sage': sage_branch().config()},
        measured={name: found[name] for name in STEPS if name in found},
    )


if __name__ == '__main__':
    main()
