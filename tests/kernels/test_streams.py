import pytest
import torch
from scipy.stats import kstest

from graphsparse.kernels.streams import fold, step_key, uniform

# The first outputs of splitmix64 from state 0, as its authors' C code prints them.
PUBLISHED = [0xE220A8397B1DCDAF, 0x6E789E6AA1B965F4, 0x06C45D188009454F]


def test_splitmix64_as_published():
    expected = [(z >> 11) / 2**53 for z in PUBLISHED]
    assert uniform(torch.tensor(0), torch.arange(3)).tolist() == expected
    assert uniform(torch.tensor([0, 0]), 1).tolist() == [expected[1]] * 2
    assert int(fold(0, torch.tensor(0))) % 2**64 == PUBLISHED[0]


@pytest.mark.parametrize('seed', [-1, 2**64 - 1, 2**63, -(2**63), 2**70 + 3])
def test_any_integer_is_a_seed(seed):
    assert step_key(seed, 2) == step_key(seed % 2**64, 2)


def test_streams_of_neighbouring_keys_look_unrelated():
    steps = torch.tensor([[step_key(s, h) for h in range(8)] for s in range(8)])
    keys = fold(steps.view(-1, 1), torch.arange(200))
    assert keys.unique().numel() == keys.numel()
    draws = uniform(keys.unsqueeze(-1), torch.arange(4))
    assert kstest(draws.flatten(), 'uniform').pvalue > 0.01
    sides = torch.corrcoef(draws.reshape(-1, 4).t()) - torch.eye(4)
    assert sides.abs().max() < 0.03
    assert torch.corrcoef(draws[:, :, 0])[0, 1:].abs().max() < 0.3
