import pytest
import torch
from torch_geometric.nn import GIN, GATConv

from graphsparse.engine import InputError
from graphsparse.pruning import prunable


def test_matrices_are_and_vectors_only_when_asked_for():
    conv = GATConv(5, 3, heads=2)
    assert list(prunable(conv)) == ['lin.weight']
    assert set(prunable(conv, attention=True)) == {'lin.weight', 'att_src', 'att_dst'}


def test_norms_biases_and_epsilon_never_are():
    model = GIN(4, 8, 2, 3, norm='batch', train_eps=True)
    assert {p.dim() for p in prunable(model, attention=True).values()} == {2}
    assert all(name.endswith('weight') for name in prunable(model))


def test_a_module_without_matrices_is_refused():
    with pytest.raises(
        InputError, match=r'BatchNorm1d has no weight matrix.*weight, b'
    ):
        prunable(torch.nn.BatchNorm1d(3))
