from __future__ import annotations

import pytest
import torch

from graphsparse import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn.conv.hops import gcn_matrix, graph_of, hop
from tests.helpers import dense_adjacency, random_graph

EDGES = random_graph(9, 14)
X = torch.randn(9, 3)


def test_a_hop_is_a_product_with_the_normalised_matrix():
    weight = torch.rand(EDGES.size(1))
    full = dense_adjacency(EDGES, weight, 9) + torch.eye(9)
    scale = full.sum(1).rsqrt()
    matrix = gcn_matrix(X, EDGES, weight)
    wanted = (scale[:, None] * full * scale) @ X.double()
    torch.testing.assert_close(hop(matrix, X).double(), wanted, rtol=1e-5, atol=1e-6)
    half = hop(matrix, X.bfloat16())  # as autocast makes them
    assert half.dtype == torch.float32


def test_the_matrix_is_made_once():
    adj = to_adjacency(EDGES, 9)
    assert gcn_matrix(X, adj) is gcn_matrix(X, adj)
    assert gcn_matrix(X, EDGES) is gcn_matrix(X, EDGES)
    weight = torch.rand(EDGES.size(1))
    assert gcn_matrix(X, adj, weight) is gcn_matrix(X, adj, weight)
    assert gcn_matrix(X.double(), EDGES, weight.float()).value.dtype == torch.float64


def test_gradients_reach_weights_and_a_soft_mask():
    weight = torch.rand(EDGES.size(1), requires_grad=True)
    hop(gcn_matrix(X, EDGES, weight), X).sum().backward()
    assert weight.grad.abs().sum() > 0
    mask = torch.full((14,), 0.5, requires_grad=True)
    hop(gcn_matrix(X, to_adjacency(EDGES, 9).with_mask(mask)), X).sum().backward()
    assert mask.grad.abs().sum() > 0


def test_an_x_that_is_not_of_the_graph():
    with pytest.raises(InputError, match='one row for each node'):
        graph_of(X.long(), EDGES)
    with pytest.raises(InputError, match='but the graph is Adjacency'):
        graph_of(X[:4], to_adjacency(EDGES, 9))
