from __future__ import annotations

import numpy as np
import pytest
import torch

from graphsparse.nn import GAT

from .dense import ADJACENCY, X, as_numpy, graph, recorded_dropout


def test_parameters_on_cora():
    # Heads of 8, as the paper has them: 92,373 with biases and attention.
    assert sum(p.numel() for p in GAT(1433, 7, 8).parameters()) == 92_373


def attend(conv, h):
    """One layer by loops: every node over its neighbours and itself."""
    heads, width = conv.heads, conv.out_channels
    z = (h @ as_numpy(conv.lin.weight).T).reshape(len(h), heads, width)
    source = (z * as_numpy(conv.att_src)).sum(-1)
    target = (z * as_numpy(conv.att_dst)).sum(-1)
    out = np.zeros_like(z)
    for i in range(len(h)):
        near = [*ADJACENCY[i].nonzero()[0], i]
        score = source[near] + target[i]
        score = np.exp(np.where(score > 0, score, 0.2 * score))
        share = score / score.sum(0)
        out[i] = (share[:, :, None] * z[near]).sum(0)
    out = out.reshape(len(h), -1) if conv.concat else out.mean(1)
    return out + as_numpy(conv.bias)


@pytest.mark.parametrize('num_layers', [1, 2, 3])
def test_formula(num_layers):
    model = GAT(3, 2, 4, num_layers, heads=2).double().eval()
    with torch.no_grad():
        for conv in model.convs:
            conv.bias.uniform_()
    h = X
    for layer, conv in enumerate(model.convs):
        h = attend(conv, h)
        if layer < num_layers - 1:
            h = np.where(h > 0, h, np.expm1(h))  # ELU
    assert [conv.heads for conv in model.convs] == [2] * (num_layers - 1) + [1]
    np.testing.assert_allclose(as_numpy(model(torch.tensor(X), graph())), h, rtol=1e-10)


def test_dropout_is_on_inputs_and_attention(monkeypatch):
    shapes = recorded_dropout(monkeypatch)
    model = GAT(3, 2, 4, dropout=0.3, heads=2)
    model(torch.tensor(X).float(), graph())
    assert [shape for shape, _, _ in shapes] == [(5, 3), (5, 8)]
    assert {(p, training) for _, p, training in shapes} == {(0.3, True)}
    assert [conv.dropout for conv in model.convs] == [0.3, 0.3]


def test_widths_and_repr():
    model = GAT(3, 2, 4, 3, heads=2)
    assert model.propagation_widths() == [8, 8, 2]
    assert repr(model) == 'GAT(3, 2, hidden_channels=4, num_layers=3, heads=2)'
