import pytest
import torch
from scipy.stats import chisquare
from torch_geometric.data import HeteroData
from torch_geometric.loader import LinkLoader, NodeLoader
from torch_geometric.sampler import NodeSamplerInput

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.loading import NeighborSampler
from tests.loading.conftest import check_follow, differ, same


def into(data, node):
    return (data.edge_index[1] == node).nonzero().squeeze(1)


def nodes(*ids):
    return NodeSamplerInput(input_id=None, node=torch.tensor(ids))


@pytest.mark.parametrize('replace', [False, True])
def test_every_edge_is_drawn_as_often(data, replace):
    node = int(data.edge_index[1].bincount().argmax())
    sampler = NeighborSampler(data, [2], replace=replace)
    drawn = [sampler.sample_from_nodes(nodes(node), epoch=e).edge for e in range(2000)]
    assert all(edges.numel() == 2 for edges in drawn)
    twice = [edges.unique().numel() == 1 for edges in drawn]
    assert any(twice) == replace
    seen = torch.cat(drawn).bincount(minlength=data.num_edges)
    choices = into(data, node)
    assert seen.sum() == seen[choices].sum()
    assert chisquare(seen[choices]).pvalue > 0.01


def test_edges_are_drawn_by_weight(data):
    node = int(data.edge_index[1].bincount().argmax())
    choices = into(data, node)
    data.edge_weight = torch.zeros(data.num_edges)
    data.edge_weight[choices[:3]] = torch.tensor([1.0, 2.0, 5.0])
    sampler = NeighborSampler(data, [1], weight_attr='edge_weight')
    drawn = [sampler.sample_from_nodes(nodes(node), epoch=e).edge for e in range(2000)]
    seen = torch.cat(drawn).bincount(minlength=data.num_edges)[choices]
    assert seen[3:].sum() == 0
    assert chisquare(seen[:3], [250, 500, 1250]).pvalue > 0.01


def test_in_pygs_own_node_loader(data):
    sampler = NeighborSampler(data, [3, -1])
    loader = NodeLoader(data, sampler, torch.arange(10), batch_size=4)
    torch.manual_seed(0)
    first, second = list(loader), list(loader)
    assert [batch.batch_size for batch in first] == [4, 4, 2]
    for batch in first:
        check_follow(batch, data)
        assert torch.equal(batch.n_id[: batch.batch_size], batch.input_id)
    assert any(map(differ, first, second))
    torch.manual_seed(0)
    assert all(map(same, first, loader))


def test_in_pygs_own_link_loader(data):
    loader = LinkLoader(data, NeighborSampler(data, [2]), neg_sampling='binary')
    batch = next(iter(loader))
    check_follow(batch, data)
    assert batch.edge_label.tolist() == [1, 0]


def test_an_adjacency_and_a_sparsified_one(data):
    kept = to_adjacency(data).subgraph(data.edge_attr % 2 == 0)
    out = NeighborSampler(kept, [-1]).sample_from_nodes(nodes(3, 5))
    expected = torch.cat([into(data, 3), into(data, 5)])
    assert sorted(out.edge.tolist()) == [
        e for e in sorted(expected.tolist()) if e % 2 == 0
    ]


def test_a_node_draws_the_same_in_any_batch(data):
    sampler = NeighborSampler(data, [2])
    alone = sampler.sample_from_nodes(nodes(7), epoch=3).edge
    among = sampler.sample_from_nodes(nodes(1, 7, 2), epoch=3)
    assert torch.equal(among.edge[among.col == 1], alone)


@pytest.mark.parametrize('fanouts', [[0], [], [2, -2], 5, [1.5], {'a': [1]}])
def test_bad_fanouts(data, fanouts):
    with pytest.raises(InputError, match=r'fan-out|num_neighbors'):
        NeighborSampler(data, fanouts)


def test_bad_input(data):
    with pytest.raises(InputError, match='disjoint=True'):
        NeighborSampler(data, [2], disjoint=True)
    with pytest.raises(InputError, match='HeteroData'):
        NeighborSampler(HeteroData(), [2])
    with pytest.raises(InputError, match="attribute 'w'"):
        NeighborSampler(data, [2], weight_attr='w')
    data.w = -torch.ones(data.num_edges)
    with pytest.raises(InputError, match=r"'w' has to be at least 0 \(got -1.0\)"):
        NeighborSampler(data, [2], weight_attr='w')
    sampler = NeighborSampler(data, [2])
    with pytest.raises(InputError, match='names node 60, but ids go from 0 to 59'):
        sampler.sample_from_nodes(nodes(60))
    with pytest.raises(InputError, match='times'):
        sampler.sample_from_nodes(
            NodeSamplerInput(None, torch.tensor([0]), time=torch.tensor([1]))
        )
    data.num_nodes = 70
    with pytest.raises(InputError, match='60 rows, but num_nodes is 70'):
        NeighborSampler(data, [2])


def test_repr(data):
    assert repr(NeighborSampler(data, [2, -1])) == 'NeighborSampler([2, -1], seed=0)'
