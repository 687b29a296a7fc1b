import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.nn import GCN, Pooled, pool_graphs

H = torch.tensor([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]])
BATCH = torch.tensor([0, 0, 1])


def test_mean_and_sum():
    assert pool_graphs(H, BATCH).tolist() == [[2.0, 3.0], [5.0, 6.0]]
    assert pool_graphs(H, BATCH, 'sum').tolist() == [[4.0, 6.0], [5.0, 6.0]]


def test_a_net_for_nodes_serves_graphs_that_do_not_touch():
    net = Pooled(GCN(2, 3, 4, 2), 'sum').eval()
    edges = torch.tensor([[0, 1], [1, 0]])
    both = net(H, edges, None, BATCH)
    assert both.shape == (2, 3)
    alone = net(H[:2], edges, None, BATCH[:2])
    assert torch.allclose(both[:1], alone)


def test_no_such_pooling():
    with pytest.raises(InputError, match="'max'"):
        Pooled(torch.nn.Identity(), 'max')
