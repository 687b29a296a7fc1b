from __future__ import annotations

import torch

from graphsparse.nn.models.deep import DeepGCN


class Plain(DeepGCN):
    def forward(self, x, edge_index, edge_weight=None):
        return x


def test_has_convs_with_biases():
    model = Plain(3, 2, 4, 3, 0.6)
    assert [tuple(conv.lin.weight.shape) for conv in model.convs] == [
        (4, 3),
        (4, 4),
        (2, 4),
    ]
    assert all(torch.equal(c.bias, torch.zeros_like(c.bias)) for c in model.convs)
    assert model.propagation_widths() == [3, 4, 2]
    assert model.dropout == 0.6
