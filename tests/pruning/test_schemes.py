import math

import pytest
import torch
from torch.nn import BatchNorm1d, Linear, Sequential
from torch_geometric.nn import GATConv

from graphsparse.engine import InputError
from graphsparse.pruning.schemes import draw_uniform, draw_weight, redraw

SHAPE = torch.Size([400, 300])
KNOWN = [
    -0.36431702971458435,
    0.5701508522033691,
    -0.2780197262763977,
    -0.7569701075553894,
    -0.5516011714935303,
    -1.034050703048706,
]


def test_known_values():  # of this very stream: another would break every seed's ticket
    drawn = draw_weight(torch.Size([2, 3]), 'kaiming_uniform', 7, 'convs.0.weight')
    expected = torch.tensor(KNOWN).view(2, 3)
    assert torch.equal(drawn, expected)


@pytest.mark.parametrize(
    ('scheme', 'deviation'),
    [
        ('kaiming_uniform', math.sqrt(2 / 300)),
        ('kaiming_normal', math.sqrt(2 / 300)),
        ('signed_constant', math.sqrt(2 / 300)),
        ('xavier_uniform', math.sqrt(2 / 700)),
    ],
)
def test_moments(scheme, deviation):
    drawn = draw_weight(SHAPE, scheme, 0, 'w')
    assert drawn.dtype == torch.float32
    assert drawn.std().item() == pytest.approx(deviation, rel=0.01)
    assert abs(drawn.mean().item()) < 4 * deviation / math.sqrt(drawn.numel())
    if scheme.endswith('uniform'):
        assert drawn.abs().max().item() == pytest.approx(deviation * 3**0.5, rel=1e-3)
    if scheme == 'signed_constant':
        assert drawn.abs().unique().numel() == 1


def test_other_names_and_seeds_are_independent():
    a, b, c = (
        draw_weight(SHAPE, 'kaiming_uniform', seed, name).flatten()
        for seed, name in ((0, 'a'), (0, 'b'), (1, 'a'))
    )
    assert torch.corrcoef(torch.stack([a, b, c])).fill_diagonal_(0).abs().max() < 0.02


def test_redraw_forgets_what_was_there():
    torch.manual_seed(0)
    nets = [
        torch.nn.ModuleList(
            [Sequential(Linear(3, 4), BatchNorm1d(4)), GATConv(3, 2, heads=2)]
        )
        for _ in range(2)
    ]
    for net in nets:
        redraw(net, 'kaiming_normal', 5)
    a, b = (dict(net.named_parameters()) for net in nets)
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert a['1.att_src'].any()
    assert not a['0.0.bias'].any()
    assert a['0.1.weight'].eq(1).all()


def test_fan_in_of_attention_is_heads_times_channels():
    drawn = draw_weight(torch.Size([1, 2, 8]), 'signed_constant', 0, 'att')
    assert drawn.abs().unique().item() == pytest.approx(math.sqrt(2 / 16))


def test_unknown_schemes_are_named():
    with pytest.raises(InputError, match=r"'kaiming_unifrom'.*kaiming_uniform"):
        draw_weight(SHAPE, 'kaiming_unifrom', 0, 'w')


def test_uniform_draws_are_of_seed_name_and_number_and_not_of_the_weights():
    shape = torch.Size([300, 40])
    first = draw_uniform(shape, 3, 'a')
    assert torch.equal(first, draw_uniform(shape, 3, 'a'))
    assert first.dtype == torch.float64 and first.min() >= 0 and first.max() < 1
    assert abs(float(first.mean()) - 0.5) < 0.01
    others = [
        draw_uniform(shape, 4, 'a'),
        draw_uniform(shape, 3, 'b'),
        draw_uniform(shape, 3, 'a', 1),
        draw_weight(shape, 'kaiming_uniform', 3, 'a').double(),
    ]
    for other in others:
        pair = torch.stack([first.reshape(-1), other.reshape(-1)])
        assert abs(float(torch.corrcoef(pair)[0, 1])) < 0.03
