import inspect
from pathlib import Path

import pytest
import torch

from graphsparse.engine import InputError, find
from graphsparse.nn.hops import HopNet

NETS = {k: v for k, v in find(HopNet).items() if v.__module__.startswith('graphsparse')}


@pytest.mark.parametrize('name', NETS)
def test_rows_are_nodes_each_by_itself(name):
    torch.manual_seed(0)
    net = NETS[name](6, 3, 2, hidden_channels=8, dropout=0.5)
    hops = torch.randn(10, 3, 6)
    net(hops).sum().backward()
    assert all(p.grad is not None for p in net.parameters())
    net.eval()
    out = net(hops)
    assert out.shape == (10, 3)
    torch.testing.assert_close(net(hops[4:5]), out[4:5])
    assert repr(net) == f'{NETS[name].__name__}(6, 3, num_hops=2, hidden_channels=8)'


@pytest.mark.parametrize('name', NETS)
def test_has_a_test_of_its_own(name):
    module = Path(inspect.getfile(NETS[name])).stem
    assert (Path(__file__).parent / f'test_{module}.py').exists()


@pytest.mark.parametrize('name', NETS)
def test_no_hops_beyond_the_features(name):
    net = NETS[name](6, 3, 0, hidden_channels=8).eval()
    assert net(torch.randn(5, 1, 6)).shape == (5, 3)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'hidden_channels': 0}, 'hidden_channels .* 0'),
        ({'num_hops': -1}, 'num_hops .* -1'),
        ({'dropout': 1.0}, r'dropout .* 1\.0'),
    ],
)
def test_bad_sizes(options, message):
    for net in NETS.values():
        with pytest.raises(InputError, match=message):
            net(**{'in_channels': 4, 'out_channels': 2, 'num_hops': 1} | options)
