import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.nn.hops import GAMLP


def softmax(numbers):
    return torch.tensor(numbers).softmax(0)


def test_recursive_attention_by_hand():
    torch.manual_seed(0)
    net = GAMLP(4, 3, 2, hidden_channels=5, attention='recursive')
    hops = torch.randn(6, 3, 4)
    found = net.attention(hops)
    s, b = net.score.weight[0], net.score.bias[0]
    for x, weight in zip(hops, found, strict=True):

        def score(k, before, x=x):
            return float(torch.sigmoid(s @ torch.cat([x[k], before]) + b))

        first = score(0, x[0])
        second = score(1, x[0])
        share = softmax([first, second])
        third = score(2, share[0] * x[0] + share[1] * x[1])
        torch.testing.assert_close(weight, softmax([first, second, third]))


def test_jk_attention_by_hand():
    net = GAMLP(4, 3, 2, hidden_channels=5).eval()
    hops = torch.randn(6, 3, 4)
    s, b = net.score.weight[0], net.score.bias[0]
    for x, weight in zip(hops, net.attention(hops), strict=True):
        known = net.reference(x.reshape(-1)).relu()
        scores = [torch.sigmoid(s @ torch.cat([row, known]) + b) for row in x]
        torch.testing.assert_close(weight, torch.stack(scores).softmax(0))


@pytest.mark.parametrize('attention', ['jk', 'recursive'])
def test_the_first_layer_flows_into_the_others(attention):
    net = GAMLP(4, 3, 2, 5, attention=attention, num_layers=4, alpha=0.3).eval()
    hops = torch.randn(6, 3, 4)
    x = torch.einsum('nk,nkf->nf', net.attention(hops), hops)
    h = first = net.first(x).relu()
    for lin, norm in zip(net.lins, net.norms, strict=True):
        h = norm(lin(0.7 * h + 0.3 * first)).relu()
    torch.testing.assert_close(net(hops), net.out(h))


def test_bad_options():
    with pytest.raises(InputError, match="'sum'"):
        GAMLP(4, 3, 2, attention='sum')
    with pytest.raises(InputError, match=r'num_layers .* 1'):
        GAMLP(4, 3, 2, num_layers=1)
