import pytest

from graphsparse.engine import InputError, find
from graphsparse.experiments.space import Axis, default_space, read_space
from graphsparse.scaling import Branch, CorrectAndSmooth, Decoupled, EnGCN, Sampled
from graphsparse.tickets import Teddy


def test_candidates_and_ranges_in_their_order():
    space = {
        'net': ['sign', 'sagn'],
        'training.lr': {'low': 1e-4, 'high': 1e-2, 'log': True},
        'net_args.heads': {'values': [1, 4], 'when': {'net': 'sagn'}},
        'training.weight_decay': (0, 1e-4),
    }
    axes = read_space(Decoupled(), space)
    assert axes == [
        Axis('net', ('sign', 'sagn')),
        Axis('training.lr', low=1e-4, high=1e-2, log=True),
        Axis('net_args.heads', (1, 4), when={'net': 'sagn'}),
        Axis('training.weight_decay', (0.0, 1e-4)),
    ]
    # As the method has it: what is said as 0 makes no other configuration than 0.0.
    assert axes[3].texts == ('0.0', '0.0001')
    assert axes[2].applies({'net': 'sagn'}) and not axes[2].applies({'net': 'sign'})


@pytest.mark.parametrize(
    ('space', 'message'),
    [
        ({}, 'space is empty'),
        ({'lr': [0.1]}, r"Did you mean 'training\.lr'"),
        ({'droput': [0.1]}, r"Did you mean 'dropout'"),
        ({'dropout': []}, 'dropout has no candidates'),
        ({'dropout': 0.1}, r'a list \(got 0\.1\)'),
        ({'normalization': 'sym'}, r"a list \(got 'sym'\)"),
        ({'dropout': [0.1, 0.10]}, r'candidate 0\.1 twice'),
        ({'dropout': [0.1, 'much']}, r"a number \(got 'much'\)"),
        ({'self_loops': ['False']}, r"true or false \(got 'False'\)"),
        ({'training.lr': [0.1, -1.0]}, r'refuses lr=-1\.0: lr has to be at least 0'),
        ({'batch_size': [0]}, 'refuses batch_size=0'),
        ({'hidden_channels': [8, 2.5]}, r'hidden_channels=2\.5'),
        ({'net': ['sign', 'sing']}, r"Did you mean 'sign'"),
        ({'dropout': {'low': 0.1}}, r'low < high \(got values=\[\], low=0\.1'),
        ({'dropout': {'low': 0.5, 'high': 0.1}}, r'low < high'),
        ({'dropout': {'low': 0.0, 'high': 0.1, 'log': True}}, r'high above 0'),
        ({'dropout': {'lo': 0.0}}, r"Did you mean 'low'"),
        ({'dropout': {'low': 0.1, 'high': 1.5}}, r'refuses dropout=1\.5'),
        ({'hops': {'values': [1], 'when': {'net': 'sgc'}}}, 'stand before it'),
        ({'net_args': [{'heads': {1, 2}}]}, r'candidate of net_args|refuses net_args'),
    ],
)
def test_what_is_refused(space, message):
    with pytest.raises(InputError, match=message):
        read_space(Decoupled(), space)


def test_that_of_the_authors():
    space = default_space(Decoupled())
    assert list(space) == [
        *('training.lr', 'training.weight_decay', 'dropout', 'training.epochs'),
        *('hidden_channels', 'hops'),
    ]
    assert sum(map(len, space.values())) == 20
    assert next(iter(default_space(CorrectAndSmooth()))) == 'base.training.lr'
    assert 'model.num_layers' in default_space(Sampled())
    assert default_space(EnGCN())['training.epochs'] == [6, 10, 14]  # rounds of 5
    assert 'hops' not in default_space(Decoupled('mlp', 0))
    assert list(default_space(Teddy())) == [
        *('training.lr', 'training.weight_decay', 'training.epochs')
    ]
    for branch in find(Branch).values():
        if branch.__module__.startswith('graphsparse.'):
            read_space(branch(), default_space(branch()))  # nothing is refused
