import pytest
import torch

from graphsparse.nn.hops import SAGN


def test_attention_by_hand():
    net = SAGN(6, 3, 2, hidden_channels=4, heads=2)
    h = torch.randn(5, 3, 2, 4)
    weight = net.attention(h)
    for node in range(5):
        for head in range(2):
            a = torch.cat([net.to_first[head], net.to_each[head]])
            scores = torch.stack(
                [a @ torch.cat([h[node, 0, head], h[node, k, head]]) for k in range(3)]
            )
            scores = torch.where(scores > 0, scores, 0.2 * scores)
            torch.testing.assert_close(weight[node, :, head], scores.softmax(0))


@pytest.mark.parametrize('heads', [1, 3])
def test_hops_of_one_kind_and_one_encoder_count_alike(heads):
    """Then the sum is the encoding itself, plus the residual."""
    net = SAGN(6, 3, 2, hidden_channels=4, heads=heads).eval()
    for encoder in net.encoders[1:]:
        encoder.load_state_dict(net.encoders[0].state_dict())
    x = torch.randn(7, 6)
    z = net.encoders[0](x).flatten(1) + x @ net.residual.weight.T
    z = net.norm(z).relu().view(7, heads, 4)
    expected = net.decoder(z).mean(1)
    torch.testing.assert_close(net(x.unsqueeze(1).expand(-1, 3, -1)), expected)
