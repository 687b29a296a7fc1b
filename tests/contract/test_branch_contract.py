"""What every branch of large-graph training has to hold, whatever its method."""

import inspect
from dataclasses import fields
from pathlib import Path

import pytest
import torch

from graphsparse.engine import InputError, find, name_of
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import Branch, Decoupled
from graphsparse.training import NodeTask, Task, Training, Watch

BRANCHES = {
    name: branch
    for name, branch in find(Branch).items()
    if branch.__module__.startswith('graphsparse.')
}


@pytest.fixture(params=BRANCHES.values(), ids=list(BRANCHES))
def branch(request):
    """The method, small, trained briefly."""
    known = {field.name for field in fields(request.param)}
    wanted = {
        'hops': 2,
        'num_hops': 3,
        'hidden_channels': 8,
        'batch_size': 16,
        'passes': 1,
        'stages': 2,
        'threshold': 0.6,
        'training': Training(epochs=6),
        'model': ModelRecipe('sage', 8, 2, dropout=0.2),
        'sampling_args': {'num_neighbors': (3, 3), 'batch_size': 16},
    }
    wanted['base'] = Decoupled(
        **{k: v for k, v in wanted.items() if k in Decoupled.__dataclass_fields__}
    )
    return request.param(**{k: v for k, v in wanted.items() if k in known})


def test_has_a_test_of_its_own(branch):
    module = Path(inspect.getfile(type(branch))).stem
    assert (Path(__file__).parents[1] / 'scaling' / f'test_{module}.py').exists()


def test_what_it_gives(branch, small):
    found = branch.run(small, seed=1)
    assert found.logits.shape == (120, 3)
    assert found.logits.isfinite().all() and not found.logits.requires_grad
    assert all(len(course.val) >= 1 for course in found.courses.values())
    assert found.facts['seed'] == 1
    assert branch.name == name_of(type(branch), Branch)
    assert set(branch.config()) == {field.name for field in fields(branch)}


def test_it_begins_with_a_net_whose_steps_can_be_taken(branch, small):
    task = NodeTask.from_data(small)
    net, seen = branch.begin(task, 1, Watch())
    again, _ = branch.begin(task, 1, Watch())
    state = again.state_dict()
    assert all(torch.equal(t, state[n]) for n, t in net.state_dict().items())
    for part, graph in seen.steps(0, 1):
        part.train_loss(part.predict(net, graph)).backward()
    assert any(p.grad is not None and p.grad.any() for p in net.parameters())


def test_its_baselines_are_other_branches(branch, small):
    found = branch.baselines()
    assert branch not in found.values() and branch.name not in found
    for other in found.values():
        assert other.run(small).logits.shape == (120, 3)


def test_same_seed_same_bits_other_seed_other_bits(branch, small):
    torch.manual_seed(0)
    state = torch.get_rng_state()
    outs = [branch.run(small, seed=seed).logits for seed in (1, 1, 2)]
    assert torch.equal(outs[0], outs[1])
    assert not torch.equal(outs[0], outs[2])
    assert torch.equal(torch.get_rng_state(), state)


def test_data_stay_as_they_are(branch, small):
    data, task = small.clone(), Task.from_data(small)
    index, y = task.train.index.clone(), task.train.y.clone()
    branch.run(task)
    for key, value in small.to_dict().items():
        assert torch.equal(value, data[key]), key
    assert torch.equal(task.train.index, index) and torch.equal(task.train.y, y)


def test_other_test_labels_same_bits(branch, small):
    other = small.clone()
    generator = torch.Generator().manual_seed(0)
    count = int(small.test_mask.sum())
    other.y[small.test_mask] = torch.randint(3, (count,), generator=generator)
    assert not torch.equal(other.y, small.y)
    assert torch.equal(branch.run(small).logits, branch.run(other).logits)


def test_permuted_validation_labels_change_only_the_epoch_chosen(branch, small):
    other = small.clone()
    other.y[small.val_mask] = other.y[small.val_mask].roll(1)
    courses = []
    for data in (small, other):
        states = {}

        def look(step, states=states):
            tensors = step.model.state_dict().values()
            flat = torch.cat([t.detach().float().reshape(-1) for t in tensors])
            states.setdefault(step.stage, []).append(flat.clone())

        branch.run(data, watch=Watch((look,)))
        # What follows a first choice of an epoch may follow another one.
        courses.append(next(iter(states.values())))
    assert len(courses[0]) == len(courses[1]) == 6
    assert all(torch.equal(a, b) for a, b in zip(*courses, strict=True))


class Stop(Exception):
    pass


def test_killed_at_any_epoch_it_goes_on_to_the_same_bits(branch, small, tmp_path):
    seen = []
    whole = branch.run(small, watch=Watch((lambda step: seen.append(step.stage),)))
    assert len(seen) == 6 * len(whole.courses)
    for number in range(0, len(seen), 4):
        count, folder = iter(range(len(seen))), tmp_path / str(number)

        def stop(step, count=count, number=number):
            if next(count) == number:
                raise Stop

        with pytest.raises(Stop):
            branch.run(small, watch=Watch((stop,), folder, every=0.0))
        again = []
        watch = Watch((lambda step, again=again: again.append(step.stage),), folder)
        resumed = branch.run(small, watch=watch)
        assert torch.equal(resumed.logits, whole.logits)
        # The epoch that was stopped was not kept: it is the first of those run again.
        assert again == seen[number:]


def test_bad_input_gets_one_clear_error(branch, small):
    with pytest.raises(InputError, match='list'):
        branch.run([small])
    small.x[0, 0] = float('nan')
    with pytest.raises(InputError, match=r'x\[0, 0\] is nan'):
        branch.run(small)
