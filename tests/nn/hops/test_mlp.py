import torch

from graphsparse.nn.hops import MLP


def test_it_reads_the_features_alone():
    net, hops = MLP(6, 3, 2).eval(), torch.randn(10, 3, 6)
    other = hops.clone()
    other[:, 1:] = 0
    assert torch.equal(net(hops), net(other))
    assert not torch.equal(net(hops), net(hops + 1))


def test_its_size():
    linear = 6 * 8 + 8 + 8 * 8 + 8 + 8 * 3 + 3
    net = MLP(6, 3, hidden_channels=8)
    assert sum(p.numel() for p in net.parameters()) == linear + 2 * 2 * 8
    one = MLP(6, 3, num_layers=1)
    assert sum(p.numel() for p in one.parameters()) == 6 * 3 + 3
