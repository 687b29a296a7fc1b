import torch

from graphsparse.nn.hops import SIGN


def test_maps_of_each_hop_side_by_side():
    net, hops = SIGN(6, 3, 1, hidden_channels=4).eval(), torch.randn(10, 2, 6)
    parts = [
        (hops[:, k] @ net.lins[k].weight.T + net.lins[k].bias).clamp_min(0)
        for k in range(2)
    ]
    omega = net.out.weight
    expected = parts[0] @ omega[:, :4].T + parts[1] @ omega[:, 4:].T + net.out.bias
    torch.testing.assert_close(net(hops), expected)
