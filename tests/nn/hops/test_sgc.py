import torch

from graphsparse.nn.hops import SGC


def test_a_linear_map_of_the_last_hop():
    net, hops = SGC(6, 3, 2), torch.randn(10, 3, 6)
    expected = hops[:, 2] @ net.lin.weight.T + net.lin.bias
    torch.testing.assert_close(net(hops), expected)
    assert sum(p.numel() for p in net.parameters()) == 6 * 3 + 3
