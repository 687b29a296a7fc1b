from __future__ import annotations

import pytest
import torch
from torch.autograd import gradcheck, gradgradcheck

from graphsparse.graph import Adjacency
from graphsparse.nn.conv.aggregate import aggregate, multiply

from .parity import GRAPHS, features


def hub(mask=None):
    """Node 0 hears 1, 2, 3 and itself; node 1 hears 2."""
    edge_index = torch.tensor([[1, 2, 3, 0, 2], [0, 0, 0, 0, 1]])
    adj = Adjacency.from_edge_index(edge_index, 4)
    return adj if mask is None else adj.with_mask(torch.tensor(mask).double())


X = torch.tensor([[8.0], [1.0], [2.0], [30.0]]).double()


@pytest.mark.parametrize(
    ('reduce', 'mask', 'wanted'),
    [
        ('sum', None, [41, 2, 0, 0]),
        ('mean', None, [41 / 4, 2, 0, 0]),
        ('max', None, [30, 2, 0, 0]),
        ('sum', [0.5, 1.0, 0.0, 0.5], [8 + 0.5 + 2, 1, 0, 0]),
        ('mean', [0.5, 1.0, 0.0, 0.5], [10.5 / 2.5, 2, 0, 0]),
        ('max', [0.5, 1.0, 0.0, 0.5], [8, 2, 0, 0]),
        ('mean', [0.0, 0.0, 0.0, 0.0], [8, 0, 0, 0]),
        ('max', [0.0, 0.0, 0.0, 0.0], [8, 0, 0, 0]),
    ],
)
def test_by_hand(reduce, mask, wanted):
    out = aggregate(hub(mask), X, reduce)
    torch.testing.assert_close(out.flatten(), torch.tensor(wanted).double())


@pytest.mark.parametrize('reduce', ['sum', 'mean', 'max', 'min'])
def test_gradcheck_to_mask_and_features(reduce):
    for num_nodes, edge_index in GRAPHS.values():
        adj = Adjacency.from_edge_index(edge_index, num_nodes)
        x = features(num_nodes, 2).requires_grad_()
        mask = torch.linspace(0.1, 0.9, adj.num_edges).double().requires_grad_()

        def apply(x, mask, adj=adj):
            return aggregate(adj.with_mask(mask), x, reduce)

        assert gradcheck(apply, (x, mask))


def test_maximum_is_twice_differentiable():
    adj, x = hub(), features(4, 7).requires_grad_()
    assert gradgradcheck(lambda x: aggregate(adj, x, 'max'), (x,))


def test_multiply_promotes_as_torch_does():
    x, value = torch.ones(4, 1), torch.ones(5).double()
    assert multiply(hub().pattern('given'), x, value).dtype == torch.float64
    assert multiply(hub().pattern('given'), x.double(), value.float()).dtype == (
        torch.float64
    )
