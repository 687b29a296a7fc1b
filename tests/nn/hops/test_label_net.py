import pytest
import torch

from graphsparse.nn.hops import MLP, SIGN, LabelNet


def test_logits_of_features_and_of_labels_add_up():
    net = LabelNet(SIGN(6, 3, 1), heads=4).eval()
    hops, labels = torch.randn(10, 2, 6), torch.rand(10, 3)
    assert torch.equal(net(hops), net.net(hops))
    heads = net.labels(labels)
    assert heads.shape == (10, 4, 3)
    expected = net.net(hops) + sum(heads.unbind(1)) / 4
    torch.testing.assert_close(net(hops, labels), expected)


@pytest.mark.parametrize(
    ('hidden', 'heads', 'expected'), [(512, 1, 653_918), (1024, 3, 4_658_364)]
)
def test_sizes_on_ogbn_products(hidden, heads, expected):
    """The leaderboard's figure for EnGCN, and that of the corrected entry."""
    net = LabelNet(MLP(100, 47, hidden_channels=hidden), hidden, 3, heads)
    assert sum(p.numel() for p in net.parameters()) == expected
