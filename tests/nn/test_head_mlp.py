import math

import torch
import torch.nn.functional as F

from graphsparse.nn.head_mlp import HeadMLP


def by_hand(mlp, x, head):
    """One head alone, in evaluation mode, by its slice of the norms' statistics."""
    for layer, (weight, bias) in enumerate(zip(mlp.weights, mlp.biases, strict=True)):
        x = x @ weight[head] + bias[head]
        if layer < len(mlp.norms):
            norm, width = mlp.norms[layer], x.size(1)
            own = slice(head * width, (head + 1) * width)
            mean, var = norm.running_mean[own], norm.running_var[own]
            x = (x - mean) / (var + norm.eps).sqrt() * norm.weight[own] + norm.bias[own]
            x = x.relu()
    return x


def test_heads_are_perceptrons_of_their_own():
    torch.manual_seed(0)
    mlp = HeadMLP(5, 7, 3, 3, heads=4, dropout=0.5)
    shared, own = torch.randn(20, 5), torch.randn(20, 4, 5)
    mlp(own)  # statistics that differ by head
    mlp.eval()
    for head in range(4):
        for x, rows in ((shared, shared), (own, own[:, head])):
            out = mlp(x)
            assert out.shape == (20, 4, 3)
            expected = by_hand(mlp, rows, head)
            torch.testing.assert_close(out[:, head], expected, rtol=1e-4, atol=1e-5)


def test_one_layer_is_linear():
    mlp = HeadMLP(5, 7, 3, 1)
    x = torch.randn(4, 5)
    expected = F.linear(x, mlp.weights[0][0].T)
    torch.testing.assert_close(mlp(x)[:, 0], expected)
    assert not list(mlp.norms)


def test_it_starts_xavier_uniform():
    torch.manual_seed(0)
    mlp = HeadMLP(40, 60, 3, 2, heads=3)
    bound = math.sqrt(2) * math.sqrt(6 / (40 + 60))
    for head in mlp.weights[0]:
        assert 0.98 * bound < head.abs().max() <= bound
    assert not any(bias.any() for bias in mlp.biases)


def test_dropout_is_there_in_training_only():
    mlp, x = HeadMLP(5, 64, 3, 2, dropout=0.5), torch.randn(9, 5)
    assert not torch.equal(mlp(x), mlp(x))
    mlp.eval()
    assert torch.equal(mlp(x), mlp(x))
