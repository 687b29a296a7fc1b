import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import metis_parts, to_adjacency
from graphsparse.loading import partition_nodes as public
from graphsparse.loading.partition import partition_nodes
from tests.helpers import random_graph


def counted(monkeypatch):
    calls = []

    def count(*args):
        calls.append(args)
        return metis_parts(*args)

    monkeypatch.setattr('graphsparse.loading.partition.metis_parts', count)
    return calls


def test_computed_once(data, tmp_path, monkeypatch):
    assert public is partition_nodes
    calls = counted(monkeypatch)
    part = partition_nodes(data, 4, cache=tmp_path)
    assert part.unique().tolist() == [0, 1, 2, 3]
    data.edge_index = data.edge_index[:, torch.randperm(data.num_edges)]
    assert torch.equal(partition_nodes(data, 4, cache=tmp_path), part)
    assert len(calls) == 1
    assert [path.suffix for path in tmp_path.iterdir()] == ['.safetensors']
    partition_nodes(data, 5, cache=tmp_path)
    partition_nodes(data, 4, seed=1, cache=tmp_path)
    monkeypatch.setattr('graphsparse.loading.partition._version', lambda: '1')
    partition_nodes(data, 4, cache=tmp_path)
    data.edge_index = random_graph(60, 100)
    partition_nodes(data, 4, cache=tmp_path)
    assert len(calls) == 5 == len(list(tmp_path.iterdir()))


def test_where_it_is_kept(data, tmp_path, monkeypatch):
    monkeypatch.setenv('GRAPHSPARSE_CACHE', str(tmp_path))
    partition_nodes(data, 4)
    assert len(list((tmp_path / 'partitions').iterdir())) == 1


def test_a_directed_graph_as_if_undirected(tmp_path):
    arcs = random_graph(60, 100, undirected=False)
    part = partition_nodes(to_adjacency(arcs, 60), 4, cache=tmp_path)
    both = to_adjacency(torch.cat([arcs, arcs.flip(0)], 1), 60)
    assert torch.equal(part, metis_parts(both, 4))


def test_empty_parts_are_dropped_and_reported(data, tmp_path, monkeypatch):
    monkeypatch.setattr(
        'graphsparse.loading.partition.metis_parts',
        lambda adj, num_parts, seed: torch.arange(adj.num_nodes) % 2 * 3,
    )
    for _ in range(2):  # from disk too
        with pytest.warns(UserWarning, match='2 of 4 parts empty'):
            part = partition_nodes(data, 4, cache=tmp_path)
        assert part.unique().tolist() == [0, 1]


def test_bad_input(data, tmp_path):
    with pytest.raises(InputError, match='61 parts of 60 nodes'):
        partition_nodes(data, 61, cache=tmp_path)
    assert not list(tmp_path.iterdir())
