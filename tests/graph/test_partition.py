import sys

import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, metis_parts
from tests.helpers import both_ways, random_graph

make = Adjacency.from_edge_index


def test_cliques_are_found():
    cliques = [(u, v) for u in range(12) for v in range(u) if u % 3 == v % 3]
    part = metis_parts(make(both_ways([*cliques, (0, 1), (1, 2)]), 12), 3)
    assert part.dtype == torch.int64
    for residue in range(3):
        assert part[residue::3].unique().numel() == 1
    assert part.unique().numel() == 3


def test_seeded():
    adj = make(random_graph(200, 600), 200)
    assert torch.equal(metis_parts(adj, 8, 1), metis_parts(adj, 8, 1))
    assert not torch.equal(metis_parts(adj, 8, 1), metis_parts(adj, 8, 2))
    assert metis_parts(adj, 1).unique().tolist() == [0]


def test_without_edges_in_ranges():
    adj = make(torch.empty(2, 0, dtype=torch.int64), 5)
    assert metis_parts(adj, 2).tolist() == [0, 0, 0, 1, 1]


def test_what_metis_would_answer_with_nonsense():
    with pytest.raises(InputError, match=r'directed, nodes=2.*to_undirected'):
        metis_parts(make(torch.tensor([[0], [1]]), 2), 2)
    adj = make(both_ways([(0, 1)]), 2)
    for wrong in (0, True, 1.5):
        with pytest.raises(InputError, match=f'got {wrong}'):
            metis_parts(adj, wrong)
    with pytest.raises(InputError, match='3 parts of 2 nodes'):
        metis_parts(adj, 3)


def test_without_pymetis(monkeypatch):
    monkeypatch.setitem(sys.modules, 'pymetis', None)
    with pytest.raises(ImportError, match=r"need METIS: pip install 'pymetis"):
        metis_parts(make(both_ways([(0, 1)]), 2), 2)
