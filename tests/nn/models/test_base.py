from __future__ import annotations

import copy

import pytest
import torch

from graphsparse.engine import find
from graphsparse.graph import to_adjacency
from graphsparse.nn import ReferenceModel

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


def test_the_four_models_are_found():
    assert {'gat', 'gcn', 'gin', 'sage'} <= MODELS.keys()


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
    assert model.layer_sizes() == [(3, 4), (4, 2)]
    assert len(model.convs) == len(model.propagation_widths()) == model.num_layers == 2
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
