import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, pattern_matrix
from tests.helpers import dense_adjacency, graphs, modest


@modest
@given(graphs(loops=False))
def test_ones_where_arcs_are(graph):
    edge_index, num_nodes = graph
    matrix = pattern_matrix(Adjacency.from_edge_index(edge_index, num_nodes))
    dense = dense_adjacency(edge_index, torch.ones(edge_index.size(1)), num_nodes)
    assert (matrix.toarray() == (dense > 0).numpy()).all()
    assert matrix.indices.dtype == matrix.indptr.dtype == 'int32'


def test_too_large(monkeypatch):
    adj = Adjacency.from_edge_index(torch.tensor([[0], [1]]), 2)
    monkeypatch.setattr(Adjacency, 'num_arcs', 2**31)
    with pytest.raises(InputError, match='too large'):
        pattern_matrix(adj)
