from __future__ import annotations

import dataclasses

import pytest

from graphsparse import InputError
from graphsparse.nn import GAT, GCN, GCNII, GIN, SAGE, ModelRecipe
from graphsparse.nn.models import count_parameters


@pytest.mark.parametrize(
    ('name', 'cls'), [('gcn', GCN), ('GIN', GIN), ('gat', GAT), ('sage', SAGE)]
)
def test_builds_by_name(name, cls):
    model = ModelRecipe(name, hidden_channels=4, num_layers=3).build(5, 2)
    assert type(model) is cls
    assert model.layer_sizes() == [(5, 4), (4, 4), (4, 2)]


def test_options_reach_the_model_and_default_to_its_own():
    model = ModelRecipe('gat', 4, dropout=0.1, heads=3).build(5, 2)
    assert (model.dropout, model.heads) == (0.1, 3)
    assert all(conv.dropout == 0.1 for conv in model.convs)
    model = ModelRecipe('gat', 4).build(5, 2)
    assert (model.dropout, model.heads) == (0.6, 8)
    assert ModelRecipe('gcn', 4, dropout=0.0).build(5, 2).dropout == 0.0
    assert ModelRecipe('sage', 4).build(5, 2).dropout == 0.5


def test_options_of_one_model_alone():
    recipe = ModelRecipe('gcnii', 4, 3, options={'alpha': 0.2, 'theta': 1.5})
    model = recipe.build(5, 2)
    assert (type(model), model.alpha, model.theta) == (GCNII, 0.2, 1.5)
    assert recipe.facts()['options'] == {'alpha': 0.2, 'theta': 1.5}
    assert ModelRecipe(**recipe.facts()) == recipe
    assert recipe != ModelRecipe('gcnii', 4, 3, options={'alpha': 0.3, 'theta': 1.5})
    with pytest.raises(InputError, match=r"'gcn' has no alpha \(got alpha=0.2\)"):
        ModelRecipe('gcn', options={'alpha': 0.2}).build(5, 2)
    with pytest.raises(InputError, match=r'not dropout \(got dropout=0.2\)'):
        ModelRecipe('gcn', options={'dropout': 0.2})


def test_facts_without_options_are_as_they_always_were():
    facts = {'model': 'gcn', 'hidden_channels': 8, 'num_layers': 2}
    facts |= {'dropout': None, 'heads': None}
    assert ModelRecipe('gcn', 8).facts() == facts
    assert ModelRecipe(**facts) == ModelRecipe('gcn', 8)


def test_defaults_are_the_papers():
    model = ModelRecipe().build(1433, 7)
    assert sum(p.numel() for p in model.parameters()) == 737_280


def test_is_a_value():
    assert ModelRecipe('gcn') == ModelRecipe('gcn')
    with pytest.raises(dataclasses.FrozenInstanceError):
        ModelRecipe().model = 'gin'


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'hidden_channels': 0}, r'hidden_channels .* \(got 0\)'),
        ({'hidden_channels': 2.5}, r'hidden_channels .* \(got 2.5\)'),
        ({'num_layers': -1}, r'num_layers .* \(got -1\)'),
        ({'heads': 0}, r'heads .* \(got 0\)'),
        ({'dropout': 1.0}, r'dropout .* \(got 1.0\)'),
        ({'dropout': -0.1}, r'dropout .* \(got -0.1\)'),
        ({'dropout': float('nan')}, r'dropout .* \(got nan\)'),
    ],
)
def test_values_out_of_range(options, message):
    with pytest.raises(InputError, match=message):
        ModelRecipe('gat', **options)


def test_options_the_model_does_not_have():
    with pytest.raises(InputError, match=r"'gcn' has no heads \(got heads=8\)"):
        ModelRecipe('gcn', heads=8).build(5, 2)
    with pytest.raises(InputError, match=r"'gin' has no dropout \(got dropout=0.5\)"):
        ModelRecipe('gin', dropout=0.5).build(5, 2)


def test_unknown_model():
    with pytest.raises(InputError, match=r"Unknown model 'gcm'. Did you mean .*'gcn'"):
        ModelRecipe('gcm').build(5, 2)


@pytest.mark.parametrize('sizes', [(0, 2), (5, 0), (5, -3)])
def test_sizes_that_the_data_tells(sizes):
    with pytest.raises(InputError, match='positive integer'):
        ModelRecipe().build(*sizes)


def test_narrowed_to_the_widest_net_that_fits():
    recipe = ModelRecipe('gat', hidden_channels=64, heads=2)
    narrow = recipe.narrowed(30, 4, 5000)
    sizes = [
        count_parameters(
            dataclasses.replace(narrow, hidden_channels=width).build(30, 4)
        )
        for width in (narrow.hidden_channels, narrow.hidden_channels + 1)
    ]
    assert sizes[0] <= 5000 < sizes[1]
    assert dataclasses.replace(narrow, hidden_channels=64) == recipe
    with pytest.raises(InputError, match=r'width 1 has \d+ parameters.*the 9 asked'):
        recipe.narrowed(30, 4, 9)
