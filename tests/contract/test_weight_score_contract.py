"""What every weight score has to hold, whatever its idea."""

import inspect
from pathlib import Path

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError, find
from graphsparse.nn import GAT
from graphsparse.pruning import Probe, WeightScore, prunable, select_weights
from graphsparse.training import Task, make_probe

TESTS = Path(__file__).parents[1]
MODELS = {
    'gcn': lambda: GCN(16, 8, 2, 3, dropout=0.5),
    'normed': lambda: GCN(16, 8, 2, 3, dropout=0.5, norm='batch_norm'),
    'gat': lambda: GAT(16, 3, 8, heads=2),
}


def pytest_generate_tests(metafunc):
    if 'name' in metafunc.fixturenames:
        metafunc.parametrize('name', list(find(WeightScore)))
    if 'make' in metafunc.fixturenames:
        metafunc.parametrize('make', MODELS.values(), ids=list(MODELS))


@pytest.fixture
def score(name):
    return find(WeightScore)[name]()


def model_of(make):
    torch.manual_seed(0)
    return make()


def state_of(model):
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def same(a, b):
    return list(a) == list(b) and all(torch.equal(a[n], b[n]) for n in a)


def test_one_finite_number_for_each_weight(score, make, small):
    model = model_of(make)
    weights = prunable(model)
    worth = score(weights, make_probe(model, small))
    assert list(worth) == list(weights)
    for name, weight in weights.items():
        assert worth[name].shape == weight.shape
        assert worth[name].dtype == torch.float64
        assert worth[name].isfinite().all()
        assert not worth[name].requires_grad
        assert worth[name].unique().numel() > 1


def test_what_it_reads_is_never_changed(score, make, small):
    model, data = model_of(make).train(), small.clone()
    before = state_of(model)
    random = torch.get_rng_state()
    score(prunable(model), make_probe(model, small))
    assert same(before, model.state_dict())
    assert same(data.to_dict(), small.to_dict())
    assert model.training and all(p.requires_grad for p in model.parameters())
    assert all(p.grad is None for p in model.parameters())
    assert torch.equal(random, torch.get_rng_state())


def test_same_seed_same_bits(score, make, small):
    model = model_of(make)
    for seed in (0, 1):
        found = [
            score(prunable(model), make_probe(model, small), seed) for _ in range(2)
        ]
        assert same(*found)


def test_another_order_of_the_weights_changes_no_score(score, make, small):
    model = model_of(make)
    weights, probe = prunable(model), make_probe(model, small)
    turned = dict(reversed(weights.items()))
    forth, back = score(weights, probe), score(turned, probe)
    assert list(back) == list(turned)
    assert all(torch.equal(forth[name], back[name]) for name in forth)


def test_hidden_units_in_another_order_have_the_same_scores(score, small):
    model = model_of(MODELS['gcn'])
    probe = make_probe(model, small)
    if not same(*(score(prunable(model), probe, seed) for seed in (0, 1))):
        pytest.skip('draws numbers')
    order = torch.tensor([3, 1, 7, 0, 2, 6, 5, 4])
    other = model_of(MODELS['gcn'])
    with torch.no_grad():
        other.convs[0].lin.weight.copy_(model.convs[0].lin.weight[order])
        other.convs[0].bias.copy_(model.convs[0].bias[order])
        other.convs[1].lin.weight.copy_(model.convs[1].lin.weight[:, order])
    found = score(prunable(other), make_probe(other, small))
    expected = score(prunable(model), probe)
    upper, lower = expected
    close = dict(rtol=1e-4, atol=1e-9)
    torch.testing.assert_close(found[upper], expected[upper][order], **close)
    torch.testing.assert_close(found[lower], expected[lower][:, order], **close)


def test_other_labels_outside_the_training_part_change_no_score(score, make, small):
    other = small.clone()
    other.y[~small.train_mask] = (other.y[~small.train_mask] + 1) % 3
    model = model_of(make)
    found = [
        score(prunable(model), make_probe(model, Task.from_data(data)))
        for data in (small, other)
    ]
    assert same(*found)


def test_without_the_probe_it_needs_there_is_one_clear_error(score, name):
    weights = prunable(model_of(MODELS['gcn']))
    if not score.needs_probe:
        assert score(weights)
        return
    with pytest.raises(InputError, match=f"'{name}'.*make_probe"):
        score(weights)


def test_exact_in_number_by_every_distribution(score, small):
    model = model_of(MODELS['gcn'])
    weights, probe = prunable(model), make_probe(model, small)
    for distribution in ('global', 'uniform', 'erk'):
        mask = select_weights(weights, 0.61, score, distribution, probe)
        assert mask.num_kept == 152 - 93  # ceil(0.61 * 152)


def test_each_class_has_a_test_file_of_its_own():
    ours = [
        cls
        for cls in find(WeightScore).values()
        if cls.__module__.startswith('graphsparse.')
    ]
    assert len(ours) >= 5
    for cls in ours:
        *folders, module = cls.__module__.split('.')[1:]
        file = TESTS.joinpath(*folders, f'test_{module}.py')
        assert file.is_file(), f'{inspect.getfile(cls)} has no test: write {file}'
        assert cls.__name__ in file.read_text()


def test_weights_that_are_not_finite_are_refused(score, small):
    model = model_of(MODELS['gcn'])
    probe = make_probe(model, small)
    weights = {n: w.detach().clone() for n, w in prunable(model).items()}
    next(iter(weights.values()))[0, 0] = torch.nan
    try:
        worth = score(weights, probe)
    except InputError as error:
        assert 'finite' in str(error)
    else:  # it does not read them
        assert all(w.isfinite().all() for w in worth.values())


def test_a_probe_is_no_task():
    assert set(Probe.__dataclass_fields__) == {'loss', 'flow'}
