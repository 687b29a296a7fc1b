from dataclasses import FrozenInstanceError, dataclass, field

import pytest

from graphsparse.engine import InputError
from graphsparse.experiments.options import (
    fit_kind,
    list_options,
    read_option,
    with_options,
)
from graphsparse.scaling import Decoupled, LabelReuse
from graphsparse.training import Training


@dataclass(frozen=True)
class Pair:
    """Wants low <= high, whichever of them is set first."""

    low: int = 1
    high: int = 2
    more: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.low > self.high:
            raise InputError(f'low {self.low} above high {self.high}')


def test_options_stand_in_order_with_those_inside():
    names = list(list_options(LabelReuse()))
    assert names[:2] == ['base.net', 'base.hops']
    assert 'base.training.lr' in names and names[-1] == 'threshold'
    assert read_option(LabelReuse(), 'base.training.lr') == 0.01
    sagn = Decoupled('sagn', net_args={'heads': 2})
    assert read_option(sagn, 'net_args.heads') == 2
    assert read_option(Decoupled(), 'net_args.heads') is None


def test_a_copy_with_options():
    method = Decoupled('sagn', net_args={'heads': 2})
    options = {'training.lr': 0.5, 'training.epochs': 3, 'net_args.heads': 4}
    changed = with_options(method, options | {'hops': 1})
    assert changed == Decoupled(
        'sagn', 1, net_args={'heads': 4}, training=Training(3, 0.5, 0.0)
    )
    assert method.net_args == {'heads': 2} and method.hops == 4
    assert with_options(Pair(), {'more.a': None}) == Pair()
    with pytest.raises(FrozenInstanceError):
        changed.hops = 2


def test_options_are_set_together():
    assert with_options(Pair(), {'low': 5, 'high': 6}) == Pair(5, 6)
    with pytest.raises(InputError, match=r'Pair refuses low=5: low 5 above high 2'):
        with_options(Pair(), {'low': 5})


def test_what_is_no_option():
    with pytest.raises(InputError, match=r"'lr'\. Did you mean 'training\.lr'"):
        read_option(Decoupled(), 'lr')
    with pytest.raises(InputError, match=r"Did you mean 'dropout'"):
        read_option(Decoupled(), 'droput')
    with pytest.raises(InputError, match=r'several: training\.epochs, training\.lr'):
        read_option(Decoupled(), 'training')


def test_kinds():
    value = fit_kind('x', 0, 0.5)
    assert value == 0 and isinstance(value, float)
    assert fit_kind('x', [1, 2], ()) == (1, 2)
    assert fit_kind('x', 'row', 'sym') == 'row' and fit_kind('x', 3, None) == 3
    for value, present in (('False', True), (1, True), (True, 1), ('0.1', 0.1)):
        with pytest.raises(InputError, match=r'x is'):
            fit_kind('x', value, present)
