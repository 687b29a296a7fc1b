"""What each of two processes does; started by torchrun from test_distributed.py."""

import os
import signal
import sys
from pathlib import Path

import torch
from torch.nn.parallel import DistributedDataParallel
from torch_geometric.nn import GCN

from graphsparse.data import csbm
from graphsparse.engine import InputError, save_tensors
from graphsparse.loading import ClusterSampling, NeighborSampling
from graphsparse.nn import SAGE, ModelRecipe
from graphsparse.scaling import Sampled
from graphsparse.tickets import OneShot, Rigl
from graphsparse.training import (
    NodeTask,
    SampledTask,
    Training,
    Watch,
    World,
    fit,
    join_world,
)

SHORT = Training(epochs=5)
SGD = Training(epochs=1, lr=0.5, weight_decay=0.0, optimizer='SGD')
# Of 29 training nodes five batches, the last of one: a process has one too few.
UNEVEN = NeighborSampling((3, 3), batch_size=7)


def graph():
    """With an odd number of training nodes, so that shares of them differ."""
    data = csbm(120, num_classes=3, degree=6.0, train_per_class=10, seed=1)
    data.train_mask[data.train_mask.nonzero()[0]] = False
    return data


def gcn(seed=0, norm=None):
    torch.manual_seed(seed)
    return GCN(16, 8, 2, 3, dropout=0.5, norm=norm)


def sage(seed=0):
    torch.manual_seed(seed)
    return SAGE(16, 3, 8, 2, dropout=0.0)


class Idle(torch.nn.Module):
    """A net, and a parameter that no loss reaches."""

    def __init__(self):
        super().__init__()
        self.net, self.idle = sage(), torch.nn.Parameter(torch.ones(3))

    def forward(self, *inputs):
        return self.net(*inputs)


def one_node():
    """A task with a single training node: fewer than processes."""
    data = graph()
    data.train_mask = torch.arange(120) == int(data.train_mask.nonzero()[3])
    return NodeTask.from_data(data)


def searches():
    return {
        'one_shot': OneShot(graph_sparsity=0.25, weight_sparsity=0.5, training=SHORT),
        'rigl': Rigl(weight_sparsity=0.5, training=SHORT),
    }


def trained(model, task, training, world, **options):
    """State and course of a training."""
    watch = options.pop('watch', None) or Watch(world=world)
    course = fit(model, task, training, watch=watch, seed=3, **options)
    return model.state_dict(), {'loss': course.loss, 'val': course.val}


def error_of(call):
    try:
        call()
    except InputError as error:
        return {}, {'error': str(error)}
    raise AssertionError('no InputError')


class Stop(Exception):
    pass


def train_all(world, folder):
    """Everything that needs two processes which both live."""
    rank, data = world.rank, graph()
    whole, uneven = NodeTask.from_data(data), SampledTask.of(data, UNEVEN)
    # Not the same weights: the first process's hold.
    yield 'full', trained(gcn(rank), whole, SHORT, world)
    yield 'one_node', trained(sage(rank), one_node(), SHORT, world)
    yield 'uneven', trained(sage(), uneven, SGD, world)
    yield 'idle', trained(Idle(), uneven, SHORT, world)

    clusters = SampledTask.of(data, ClusterSampling(num_parts=7, batch_parts=1))
    own = folder / f'stopped-{rank}'

    def stop(step):
        if step.epoch == 2:
            raise Stop

    yield 'undisturbed', trained(gcn(0, 'batch_norm'), clusters, SHORT, world)
    try:
        watch = Watch((stop,), own, every=0, world=world)
        trained(gcn(0, 'batch_norm'), clusters, SHORT, world, watch=watch)
    except Stop:
        watch = Watch((), own, world=world)
        model = gcn(9 + rank, 'batch_norm')
        yield 'stopped', trained(model, clusters, SHORT, world, watch=watch)

    for name, search in searches().items():
        for task in (whole, uneven):
            ticket = search.search(gcn(), task, seed=1, watch=Watch(world=world))
            masks = {**ticket.weight_mask.keep, 'edges': ticket.edge_mask.keep}
            yield f'{name}-{type(task).__name__}', (masks, {})
    branch = Sampled(
        model=ModelRecipe('sage', 8, 2, dropout=0.2),
        training=SHORT,
        sampling_args={'num_neighbors': (3, 3), 'batch_size': 7},
    )
    found = branch.run(data, seed=1, watch=Watch(world=world))
    yield 'branch', ({'logits': found.logits}, {'loss': found.courses['sampled'].loss})

    def noise(model):
        with torch.no_grad():
            for p in model.parameters():
                p.add_(torch.rand_like(p))

    watch = Watch(world=world)
    for name, call in {
        'seeds': lambda: fit(sage(), whole, SHORT, seed=rank, watch=watch),
        'models': lambda: fit((gcn, sage)[rank](), whole, SHORT, watch=watch),
        'drift': lambda: fit(sage(), uneven, SHORT, project=noise, watch=watch),
        'wrapped': lambda: fit(
            DistributedDataParallel(sage()), whole, SHORT, watch=watch
        ),
    }.items():
        yield name, error_of(call)
    yield 'dropout', trained(gcn(), uneven, SHORT, world)
    yield 'resumed', kept(world, folder)


def kept(world, folder, callbacks=()):
    """A training with checkpoints, of epochs that draw dropout and batches."""
    task = SampledTask.of(graph(), UNEVEN)
    watch = Watch(callbacks, folder / 'kept', every=0, world=world)
    return trained(gcn(), task, SHORT, world, watch=watch)


def die(world, folder):
    """The first process is killed in the fourth epoch, while the other one waits."""

    def kill(step):
        if step.epoch == 3 and world.rank == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    yield 'dead', kept(world, folder, (kill,))


def main(job, folder):
    torch.set_num_threads(1)
    with join_world('cpu', timeout=900) as world:
        assert world == World(int(os.environ['RANK']), 2)
        for name, (tensors, facts) in job(world, folder):
            save_tensors(folder / f'{name}-{world.rank}.safetensors', tensors, facts)


if __name__ == '__main__':
    main({'train_all': train_all, 'die': die}[sys.argv[1]], Path(sys.argv[2]))
