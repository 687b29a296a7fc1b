import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.loading.pyg import check_data, check_options, cut_batch


def test_options():
    assert check_options({'disjoint': False, 'is_sorted': True, 'a': 1}) == {'a': 1}


def test_data_is_copied_and_says_its_size(data):
    del data.num_nodes
    copy = check_data(data)
    assert 'num_nodes' in copy and 'num_nodes' not in data
    data.adj_t = data.edge_index
    with pytest.raises(InputError, match='adj_t'):
        check_data(data)
    del data.edge_index
    with pytest.raises(InputError, match='no edge_index'):
        check_data(data)


def test_a_node_may_stand_twice(data):
    data = check_data(data)
    edge = torch.tensor([4])
    node = torch.cat([data.edge_index[:, 4], data.edge_index[:1, 4]])
    batch = cut_batch(data, node, torch.tensor([2]), torch.tensor([1]), edge)
    assert torch.equal(batch.x, data.x[node])
    assert batch.edge_index.tolist() == [[2], [1]]
    assert batch.edge_attr.tolist() == [4.0]
