import copy
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from graphsparse.engine import InputError, load_tensors
from graphsparse.loading import NeighborSampling
from graphsparse.training import (
    LinkTask,
    NodeTask,
    SampledTask,
    Training,
    Watch,
    World,
    fit,
    join_world,
)
from graphsparse.training.node import Part
from tests.training import processes as two
from tests.training.test_link import split_links
from tests.training.test_sampled import SMALL

ROOT = Path(__file__).parents[2]


def start(*command, **environ):
    """Two processes on this host, as a user starts them; less time than they wait."""
    run = [sys.executable, '-m', 'torch.distributed.run', '--standalone']
    return subprocess.run(
        [*run, '--nproc-per-node', '2', *map(str, command)],
        cwd=ROOT,
        env=os.environ | {'OMP_NUM_THREADS': '1'} | environ,
        capture_output=True,
        text=True,
        timeout=300,
    )


@pytest.fixture(scope='module')
def told(tmp_path_factory):
    """What each of two processes came to, by name; one training was killed before."""
    folder = tmp_path_factory.mktemp('processes')
    dead = start('-m', 'tests.training.processes', 'die', folder)
    assert dead.returncode != 0 and 'Signal 9' in dead.stderr
    assert not list(folder.glob('dead*'))
    done = start('-m', 'tests.training.processes', 'train_all', folder)
    assert done.returncode == 0, done.stderr

    def tell(name):
        return [load_tensors(folder / f'{name}-{rank}.safetensors') for rank in (0, 1)]

    tell.folder = folder
    return tell


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


def assert_close(a, b):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-6, atol=1e-6)


def alone(model, task, training=two.SHORT):
    course = fit(model, task, training, seed=3)
    return model.state_dict(), {'loss': course.loss, 'val': course.val}


def test_full_batch_is_the_training_of_one_process_dropout_included(told):
    (first, course), (second, other) = told('full')
    assert same(first, second) and course == other
    state, expected = alone(two.gcn(), NodeTask.from_data(two.graph()))
    assert_close(first, state)
    assert course['loss'] == pytest.approx(expected['loss'], rel=1e-5)
    assert course['val'] == expected['val']


def test_who_has_no_training_node_counts_for_nothing(told):
    (first, course), (second, other) = told('one_node')
    assert same(first, second) and course == other
    state, expected = alone(two.sage(), two.one_node())
    assert_close(first, state)
    assert course['loss'] == pytest.approx(expected['loss'], rel=1e-5)


def test_a_step_is_along_the_mean_gradient_of_its_batches(told):
    (first, course), (second, other) = told('uneven')
    assert same(first, second) and course == other
    model = two.sage()
    optimizer = two.SGD.make_optimizer(model)
    steps = [part for part, _ in SampledTask.of(two.graph(), two.UNEVEN).steps(0, 3)]
    assert len(steps) == 5
    losses = []
    for batches in (steps[:2], steps[2:4], steps[4:]):
        optimizer.zero_grad()
        loss = sum(part.train_loss(part.predict(model)) for part in batches)
        (loss / len(batches)).backward()
        optimizer.step()
        losses.append(float(loss.detach()) / len(batches))
    assert_close(first, model.state_dict())
    assert course['loss'] == pytest.approx([sum(losses) / 3], rel=1e-5)


def test_what_no_process_reaches_is_left_alone_as_in_one(told):
    (first, _), (second, _) = told('idle')
    assert same(first, second)
    assert torch.equal(first['idle'], torch.ones(3))  # no weight decay
    assert not torch.equal(
        first['net.convs.0.lin_l.weight'],
        two.sage().state_dict()['convs.0.lin_l.weight'],
    )


def test_a_stopped_training_goes_on_to_the_same_bits(told):
    for name in ('undisturbed', 'stopped'):
        (first, course), (second, other) = told(name)
        assert same(first, second) and course == other  # running statistics too
    (undisturbed, course), (stopped, other) = told('undisturbed')[0], told('stopped')[0]
    assert same(undisturbed, stopped) and course == other
    assert any('running_mean' in name for name in stopped)
    assert (told.folder / 'stopped-0').exists()
    assert not (told.folder / 'stopped-1').exists()


def test_a_killed_training_goes_on_to_the_same_bits(told):
    (first, course), (second, other) = told('resumed')
    assert same(first, second) and course == other and len(course['loss']) == 5
    (undisturbed, expected), _ = told('dropout')
    assert same(first, undisturbed) and course == expected


def test_searches_and_branches_need_not_know(told):
    for name in two.searches():
        for task in ('NodeTask', 'SampledTask'):
            (first, _), (second, _) = told(f'{name}-{task}')
            assert same(first, second)
    search = two.searches()['rigl']
    ticket = search.search(two.gcn(), NodeTask.from_data(two.graph()), seed=1)
    first, _ = told('rigl-NodeTask')[0]
    assert all(
        torch.equal(keep, first[n]) for n, keep in ticket.weight_mask.keep.items()
    )
    (first, course), (second, other) = told('branch')
    assert same(first, second) and course == other


def test_what_does_not_fit_together_is_said_by_every_process(told):
    for name, words in {
        'seeds': 'not given the same',
        'models': 'not given the same',
        'drift': 'different weights',
        'wrapped': 'DistributedDataParallel',
    }.items():
        for _, facts in told(name):
            assert words in facts['error']


def tensors_of(part):
    return part.graph.edge_index, part.graph.x, part.train.index, part.train.y


@pytest.mark.parametrize('name', sorted(SMALL))
@pytest.mark.parametrize('num_workers', [0, 1])
def test_shares_of_batches_make_the_epoch_of_one_process(small, name, num_workers):
    task = SampledTask.of(small, SMALL[name], num_workers=num_workers)
    whole = [part for part, _ in task.steps(1, 5)]
    size = 2
    dealt = [list(task.shares(rank, size, 1, 5)) for rank in range(size)]
    assert sum(map(len, dealt)) == len(whole) > 2
    for number, part in enumerate(whole):
        share = dealt[number % size][number // size]
        assert share.weight == 1 and share.own_draws
        pairs = zip(tensors_of(part), tensors_of(share.task), strict=True)
        assert all(torch.equal(a, b) for a, b in pairs)
    assert len([*task.steps(1, 5)]) == len(whole)  # and all of them again


def test_shares_of_training_nodes_count_by_their_labels(small):
    several = copy.copy(small)
    several.y = torch.nn.functional.one_hot(small.y, 3).float()
    several.y[small.train_mask.nonzero()[:4, 0], 1] = float('nan')
    for data, total in ((small, 30), (several, 86)):
        task = NodeTask.from_data(data)
        out = torch.randn(120, task.out_channels)
        shares = [s for r in range(4) for s in task.shares(r, 4, 0, 0)]
        assert sum(share.weight for share in shares) == total
        losses = [share.task.train_loss(out) * share.weight for share in shares]
        torch.testing.assert_close(sum(losses) / total, task.train_loss(out))
    weighted = Part(torch.arange(3), torch.tensor([0, 1, 1]), torch.tensor([1.0, 2, 3]))
    assert weighted.total == 6 and weighted.every(2, 0).total == 4


def test_shares_of_link_batches():
    task = LinkTask.from_links(split_links(), batch_size=4)
    whole = [part.train for part, _ in task.steps(0, 1)]
    dealt = [[s.task.train for s in task.shares(r, 2, 0, 1)] for r in (0, 1)]
    assert len(whole) > 2
    for number, part in enumerate(whole):
        assert torch.equal(part, dealt[number % 2][number // 2])


def test_one_process_needs_no_variables(small, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.delenv(name, raising=False)
    task = SampledTask.of(small, NeighborSampling((3, 3), batch_size=7))
    with join_world('cpu') as world:
        assert world == World() and not torch.distributed.is_initialized()
        model, plain = two.gcn(), two.gcn()
        course = fit(model, task, Training(epochs=2), watch=Watch(world=world))
    assert course.loss == fit(plain, task, Training(epochs=2)).loss
    assert same(model.state_dict(), plain.state_dict())


def test_the_first_process_alone_has_a_folder(tmp_path):
    assert Watch(folder=tmp_path, world=World(0, 2)).folder == tmp_path
    assert Watch(folder=tmp_path, world=World(1, 2)).folder is None


@pytest.mark.parametrize(
    ('options', 'environ', 'words'),
    [
        ({'device': 'tpu'}, {}, "device.*got 'tpu'"),
        ({'backend': 'mpi'}, {}, "backend.*got 'mpi'"),
        ({'device': 'cpu', 'backend': 'nccl'}, {}, "backend.*got 'nccl' on cpu"),
        ({'timeout': 0}, {}, 'timeout is 0'),
        ({}, {'WORLD_SIZE': 'two'}, "WORLD_SIZE.*got 'two'"),
        ({}, {'WORLD_SIZE': '2', 'RANK': '0'}, 'torchrun'),
        (
            {'timeout': 1},
            {
                'WORLD_SIZE': '2',
                'RANK': '1',
                'MASTER_ADDR': 'localhost',
                'MASTER_PORT': '1',
            },
            'Process 1 of 2 does not reach the others at localhost:1',
        ),
    ],
)
def test_bad_input(options, environ, words, monkeypatch):
    for name in ('RANK', 'WORLD_SIZE', 'LOCAL_RANK', 'MASTER_ADDR', 'MASTER_PORT'):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with (
        pytest.raises(InputError, match=words),
        join_world(**{'device': 'cpu'} | options),
    ):
        pass


def test_the_example_on_two_processes(tmp_path):
    options = [
        '--dataset',
        'digits',
        '--batches',
        'neighbor',
        '--epochs',
        '3',
        '--device',
        'cpu',
    ]
    done = start(ROOT / 'examples' / 'distributed.py', *options, '--out', tmp_path)
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)  # of the first process alone
    assert answer['processes'] == 2 and answer['test'] > 0.5
    assert list(tmp_path.iterdir()) == [tmp_path / 'fit.safetensors']
