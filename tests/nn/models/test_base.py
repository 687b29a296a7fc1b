from __future__ import annotations

import copy
from itertools import pairwise

import pytest
import torch

from graphsparse.engine import InputError, find
from graphsparse.graph import to_adjacency
from graphsparse.nn import ModelRecipe, ReferenceModel
from graphsparse.nn.models import count_parameters
from graphsparse.training import Task

from .dense import X, graph

MODELS = {
    name: cls
    for name, cls in find(ReferenceModel).items()
    if cls.__module__.startswith('graphsparse.')
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    torch.manual_seed(0)
    return request.param(3, 2, hidden_channels=4, num_layers=2)


def test_the_models_of_this_package_are_found():
    assert {'gcn', 'gin', 'gat', 'sage', 'gcnii', 'rewired_gcn'} <= MODELS.keys()


def test_layers_are_the_forward(model):
    model.eval()
    x, adj = torch.tensor(X).float(), to_adjacency(graph(), 5)
    if 'layers' not in vars(type(model)):
        with pytest.raises(InputError, match='not one layer after another'):
            model.layers()
        return
    h = x
    for layer in model.layers():
        h = layer(h, adj)
    torch.testing.assert_close(h, model(x, adj))


def test_defaults_make_a_net(model):
    x = torch.tensor(X).float()
    net = type(model)(3, 2)
    out = net(x, graph())  # training: dropout is on
    assert out.shape == (5, 2) and out.isfinite().all()
    assert len(net.propagation_widths()) == net.num_layers


def test_takes_every_form_of_graph_and_weights(model):
    model, x = model.eval(), torch.tensor(X).float()
    adj = to_adjacency(graph(), 5)
    out = model(x, graph())
    assert out.shape == (5, 2)
    torch.testing.assert_close(model(x, adj), out)
    ones = torch.ones(graph().size(1))
    torch.testing.assert_close(model(x, graph(), ones), out)
    torch.testing.assert_close(model(x, adj, edge_weight=ones), out)


def test_sizes(model):
    sizes = model.layer_sizes()
    assert sizes[0][0] == 3
    assert all(out == into for (_, out), (into, _) in pairwise(sizes))
    assert len(model.propagation_widths()) == model.num_layers == 2
    assert len(model.convs) in (0, 2)  # hops without weights, or convs
    assert (model.in_channels, model.out_channels, model.hidden_channels) == (3, 2, 4)


def test_a_copy_is_the_same(model):
    x = torch.tensor(X).float()
    twin = copy.deepcopy(model).eval()
    assert torch.equal(twin(x, graph()), model.eval()(x, graph()))


def test_same_seed_same_weights(model):
    twin = type(model)(3, 2, hidden_channels=4, num_layers=2)
    for net in (model, twin):
        torch.manual_seed(7)
        net.reset_parameters()
    state = twin.state_dict()
    assert all(torch.equal(t, state[n]) for n, t in model.state_dict().items())


def test_gradients_reach_every_parameter(model):
    model(torch.tensor(X).float(), graph()).square().sum().backward()
    assert all(p.grad is not None for p in model.parameters())


def test_a_seed_of_torch_sets_all_that_is_drawn(model):
    x = torch.tensor(X).float()
    outs = []
    for _ in range(2):
        torch.manual_seed(3)
        outs.append(model(x, graph()))
    assert torch.equal(*outs)


@pytest.mark.parametrize('name', MODELS)
def test_every_model_comes_of_a_recipe_and_narrows(name):
    recipe = ModelRecipe(name, hidden_channels=8, num_layers=3)
    net = recipe.build(3, 2)
    assert type(net) is MODELS[name] and net.num_layers == 3
    narrow = recipe.narrowed(3, 2, count_parameters(net))
    same = count_parameters(narrow.build(3, 2)) == count_parameters(net)
    assert same and narrow.hidden_channels >= 8


@pytest.mark.parametrize('name', MODELS)
def test_every_model_trains_on_a_task(name, small):
    task = Task.from_data(small)
    torch.manual_seed(0)
    net = ModelRecipe(name, 16, 3).build(small.num_features, task.out_channels)
    optimizer = torch.optim.Adam(net.parameters(), 0.02)
    before = task.train_loss(task.infer(net))
    for _ in range(60):
        optimizer.zero_grad()
        task.train_loss(task.predict(net)).backward()
        optimizer.step()
    assert task.train_loss(task.infer(net)) < 0.7 * before
