import pytest
import torch
from torch.nn import BatchNorm1d, Linear, Sequential

from graphsparse.engine import InputError
from graphsparse.pruning import Init, redraw
from graphsparse.pruning.init import initial_model, load_state


def factory():
    return Sequential(Linear(4, 6), BatchNorm1d(6), Linear(6, 3))


def same(a, b):
    a, b = a.state_dict(), b.state_dict()
    return a.keys() == b.keys() and all(torch.equal(a[n], b[n]) for n in a)


def test_a_module_is_copied_and_never_changed():
    model = factory()
    made = initial_model(model, seed=1)
    assert same(made, model)
    torch.nn.init.zeros_(made[0].weight)
    assert model[0].weight.any()


def test_a_factory_is_called_under_the_seed():
    torch.manual_seed(7)
    state = torch.get_rng_state()
    first, again, other = (initial_model(factory, seed) for seed in (1, 1, 2))
    assert same(first, again)
    assert not same(first, other)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert same(first, factory())


@pytest.mark.parametrize('model', [3, 'gcn', None])
def test_other_things_are_named(model):
    with pytest.raises(InputError, match=f'got {model!r}'):
        initial_model(model, 0)
    with pytest.raises(InputError, match=f'factory gave a {type(model).__name__}'):
        initial_model(lambda: model, 0)


def test_kept_as_tensors():
    model = factory()
    init, start = Init.of(model), initial_model(model, 0)
    with torch.no_grad():
        model[0].weight.add_(1)
        model[1].running_mean.add_(1)
    for source in (model, factory):
        assert same(init.restore(source), start)
    assert init.restore(factory).training
    assert not same(model, start)


def test_made_again_from_the_seed():
    model = initial_model(factory, 5)
    init = Init.seeded(model, 5)
    assert init.state is None
    assert same(init.restore(factory), model)
    assert same(init.restore(model), model)


def test_made_again_by_a_scheme_whatever_the_module_holds():
    model = initial_model(factory, 5)
    redraw(model, 'signed_constant', 5)
    init = Init.seeded(model, 5, 'signed_constant')
    for source in (factory, initial_model(factory, 99)):
        assert same(init.restore(source), model)


def test_other_weights_than_the_digest_are_refused():
    init = Init.seeded(initial_model(factory, 5), 5)
    reordered = initial_model(factory, 6)
    with pytest.raises(InputError, match='Seed 5 gave initial weights') as error:
        init.restore(reordered)
    assert init.digest[:12] in str(error.value)

    def other():
        torch.rand(1)  # draws in another order, as other versions might
        return factory()

    with pytest.raises(InputError, match='same factory and version of torch'):
        init.restore(other)


def test_another_model_is_refused_by_the_parameters_name():
    init = Init.of(factory())

    def wide():
        return Sequential(Linear(4, 8), BatchNorm1d(8), Linear(8, 3))

    with pytest.raises(InputError, match=r"'0.weight' is \[6, 4\].*\[8, 4\] in Seq"):
        init.restore(wide)
    with pytest.raises(InputError, match=r"'3.weight' is missing in the ticket"):
        init.restore(Sequential(*factory(), Linear(3, 3)))
    with pytest.raises(InputError, match=r"'2.weight' is \[3, 6\].*and missing in"):
        init.restore(Sequential(*factory()[:2]))


def test_a_state_that_does_not_fit_loads_nothing():
    model = factory()
    state = {name: t + 1 for name, t in model.state_dict().items()}
    before = initial_model(model, 0)
    with pytest.raises(InputError):
        load_state(model, {**state, 'extra': torch.ones(1)})
    assert same(model, before)
    load_state(model, state)
    assert not same(model, before)
