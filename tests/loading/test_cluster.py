import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.loading import ClusterLoader
from graphsparse.loading.partition import partition_nodes
from tests.loading.conftest import check_follow, check_streams


def make(data, num_parts=6, batch_parts=2, **options):
    return ClusterLoader(data, num_parts, batch_parts, **options)


def test_the_same_batches_whatever_the_workers(data):
    check_streams(lambda **options: make(data, **options))


def test_batches_are_what_their_clusters_induce(data):
    part = partition_nodes(data, 6)
    pairs = []
    loader = make(data)
    assert loader.num_parts == 6 and len(loader) == 3
    for _ in range(2):
        batches = list(loader)
        assert torch.cat([b.n_id for b in batches]).sort().values.tolist() == [
            *range(60)
        ]
        for batch in batches:
            check_follow(batch, data)
            parts = part[batch.n_id].unique()
            assert parts.numel() == 2
            inside = torch.isin(part[data.edge_index], parts).all(0)
            expected = inside.nonzero().squeeze(1)
            assert torch.equal(batch.e_id.sort().values, expected)
            across = part[data.edge_index[:, batch.e_id]]
            assert (across[0] != across[1]).any()  # edges between clusters are there
            pairs.append(tuple(parts.tolist()))
    assert set(pairs[:3]) != set(pairs[3:])


def test_in_order(data):
    loader = make(data, shuffle=False)
    first = [batch.n_id for batch in loader]
    assert all(map(torch.equal, first, [batch.n_id for batch in loader]))


def test_more_clusters_than_there_are_make_one_batch(data):
    (batch,) = make(data, 4, 100)
    assert batch.num_nodes == 60 and batch.num_edges == data.num_edges


def test_bad_input(data):
    with pytest.raises(InputError, match='61 parts of 60'):
        make(data, 61)
    with pytest.raises(InputError, match=r'num_parts.*got 0'):
        make(data, 0)
    with pytest.raises(InputError, match=r'batch_parts.*got 0'):
        make(data, 4, 0)
    with pytest.raises(InputError, match='batch_size=4'):
        make(data, batch_size=4)
