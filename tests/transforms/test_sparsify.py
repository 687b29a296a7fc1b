import pickle
import random

import pytest
import torch
import torch_geometric.transforms as T
from torch_geometric.data import Batch, Data, HeteroData, InMemoryDataset
from torch_geometric.datasets import FakeDataset

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning.edges.teddy import TeddyScore
from graphsparse.transforms import Sparsify, sparsify

# Edges 0-1, 0-2, 0-3, 1-2, 3-4; TEDDY scores them .0757 .0757 .0929 .1031 .2788.
FIVE = torch.tensor([[0, 1, 0, 2, 0, 3, 1, 2, 3, 4], [1, 0, 2, 0, 3, 0, 2, 1, 4, 3]])


@pytest.fixture
def five():
    return Data(
        x=torch.randn(5, 2),
        edge_index=FIVE.clone(),
        edge_attr=torch.arange(10.0).unsqueeze(1),
        num_nodes=5,
    )


def test_removes_the_lowest_pairs(five):
    out = T.Compose([Sparsify(score='teddy', sparsity=0.4)])(five)
    assert out.edge_index.tolist() == FIVE[:, 4:].tolist()
    assert out.edge_attr.squeeze(1).tolist() == [4, 5, 6, 7, 8, 9]
    assert torch.equal(five.edge_index, FIVE) and five.edge_attr.size(0) == 10


@pytest.mark.parametrize(('sparsity', 'pairs'), [(0, 5), (0.2, 4), (0.39, 4), (0.6, 2)])
def test_exact_counts(five, sparsity, pairs):
    assert Sparsify(sparsity=sparsity)(five).num_edges == 2 * pairs
    assert Sparsify(keep=pairs)(five).num_edges == 2 * pairs
    up = Sparsify(sparsity=sparsity, count='ceil')(five).num_edges // 2
    assert up == {0: 5, 0.2: 4, 0.39: 3, 0.6: 2}[sparsity]


def test_the_function_gives_a_mask_over_the_given_edges():
    kept, mask = sparsify(FIVE, 'degree', keep=2, num_nodes=5)
    assert mask.dtype == torch.bool and mask.tolist() == [False] * 6 + [True] * 4
    assert torch.equal(kept, FIVE[:, mask])


def test_self_loops_stay_and_do_not_count(five):
    loops = torch.tensor([[0, 2], [0, 2]])
    five.edge_index = torch.cat([loops, five.edge_index], dim=1)
    five.edge_attr = torch.arange(12.0)
    out = Sparsify(sparsity=0.4)(five)
    assert out.edge_index[:, :2].tolist() == loops.tolist()
    assert out.edge_attr.tolist() == [0, 1, 6, 7, 8, 9, 10, 11]


def test_options_of_the_score_and_an_instance(five):
    by_name = Sparsify('teddy', keep=2, a=0.5)
    assert by_name.score == TeddyScore(a=0.5)
    by_hand = Sparsify(TeddyScore(a=0.5), keep=2)
    # With a = 1/2 edge 0-3 ranks above 1-2: 0-3 and 3-4 stay.
    assert by_name(five).edge_index.tolist() == FIVE[:, [4, 5, 8, 9]].tolist()
    assert torch.equal(by_name(five).edge_index, by_hand(five).edge_index)


def test_connected(five):
    # The three lowest edges are 0's: without the guard it would be left alone.
    assert to_adjacency(Sparsify(keep=2)(five)).num_isolated() == 1
    out = Sparsify(keep=3, select='connected')(five)
    assert to_adjacency(out).num_isolated() == 0
    with pytest.raises(InputError, match='takes 3 edges, but only 2 of 5'):
        Sparsify(keep=2, select='connected')(five)


def test_batches_are_sparse_graph_by_graph(five):
    ring = torch.tensor([[0, 1, 2, 3], [1, 2, 3, 0]])
    ring = torch.cat([ring, ring.flip(0)], 1)
    weight = torch.arange(8.0).unsqueeze(1)
    square = Data(x=torch.randn(4, 2), edge_index=ring, edge_attr=weight, num_nodes=4)
    batch = Batch.from_data_list([five, square])
    alone = [Sparsify(sparsity=0.5)(data) for data in (five, square)]
    each = Sparsify(sparsity=0.5)(batch).to_data_list()
    assert [data.num_edges for data in each] == [6, 4]
    for got, expected in zip(each, alone, strict=True):
        assert torch.equal(got.edge_index, expected.edge_index)
        assert torch.equal(got.edge_attr, expected.edge_attr)
    # Together the square's edges, .125 each, outdo all of five's but 3-4.
    together = Sparsify(sparsity=0.5, per='dataset')(batch)
    assert [data.num_edges for data in together.to_data_list()] == [2, 8]
    assert batch.to_data_list()[1].num_edges == 8


def test_edge_types_of_a_hetero_graph(five):
    data = HeteroData()
    data['user'].x = torch.randn(5, 2)
    data['item'].num_nodes = 3
    data['user', 'knows', 'user'].edge_index = FIVE.clone()
    data['user', 'knows', 'user'].edge_attr = torch.arange(10.0)
    buys = torch.tensor([[0, 0, 0, 1], [0, 1, 2, 0]])
    data['user', 'buys', 'item'].edge_index = buys.clone()
    with pytest.raises(InputError, match='edge_types='):
        Sparsify(sparsity=0.4)(data)
    kinds = [('user', 'knows', 'user'), ('user', 'buys', 'item')]
    out = Sparsify(sparsity=0.4, edge_types=kinds)(data)
    assert out['knows'].edge_attr.tolist() == [4, 5, 6, 7, 8, 9]
    # 1/(out-degree * in-degree style scores: user 0's arc to the shared item goes.
    assert out['buys'].edge_index.size(1) == 3
    assert [0, 0] not in out['buys'].edge_index.t().tolist()
    assert torch.equal(data['buys'].edge_index, buys)
    with pytest.raises(InputError, match='sells'):
        Sparsify(sparsity=0.4, edge_types=[('user', 'sells', 'item')])(data)


def test_repr_tells_all_and_pickles():
    transform = Sparsify('random', sparsity=0.3, seed=4)
    assert repr(transform) == (
        "Sparsify(RandomScore(), sparsity=0.3, select='global', count='floor', "
        "per='graph', edge_types=None, seed=4)"
    )
    assert repr(pickle.loads(pickle.dumps(transform))) == repr(transform)
    assert repr(Sparsify(keep=7)).startswith('Sparsify(TeddyScore(a=1.0, b=0.5')


class Saved(InMemoryDataset):
    """Three small graphs, processed once into ``root``."""

    processed_file_names = 'data.pt'

    def __init__(self, root, pre_transform=None):
        super().__init__(str(root), pre_transform=pre_transform)
        self.load(self.processed_paths[0])

    def process(self):
        torch.manual_seed(0)
        plain = FakeDataset(num_graphs=3, avg_num_nodes=20, is_undirected=True)
        self.save(
            [self.pre_transform(d) if self.pre_transform else d for d in plain],
            self.processed_paths[0],
        )


def test_as_pre_transform_of_a_dataset(tmp_path):
    random.seed(0)
    plain = Saved(tmp_path / 'plain')
    random.seed(0)
    sparse = Saved(tmp_path / 'sparse', Sparsify(sparsity=0.5))
    for before, after in zip(plain, sparse, strict=True):
        edges = to_adjacency(before).num_edges
        assert to_adjacency(after).num_edges == edges - edges // 2
    again = Saved(tmp_path / 'sparse', Sparsify(sparsity=0.5))
    assert torch.equal(again[1].edge_index, sparse[1].edge_index)
    with pytest.warns(UserWarning, match='pre_transform'):  # PyG compares the reprs
        Saved(tmp_path / 'sparse', Sparsify(sparsity=0.4))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({}, 'either sparsity or keep'),
        ({'sparsity': 0.5, 'keep': 3}, 'either sparsity or keep'),
        ({'sparsity': 1}, r'\[0, 1\) \(got 1\)'),
        ({'sparsity': -0.5}, r'got -0\.5'),
        ({'keep': -1}, 'got -1'),
        ({'sparsity': 0.1, 'score': 'degre'}, "Did you mean 'degree'"),
        ({'sparsity': 0.1, 'select': 'all'}, "'all'"),
        ({'sparsity': 0.1, 'per': 'node'}, "'node'"),
        ({'sparsity': 0.1, 'count': 'round'}, "'round'"),
        ({'sparsity': 0.1, 'power': 2}, "'power'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Sparsify(**options)


def test_more_kept_than_there_are(five):
    with pytest.raises(InputError, match=r'between 0 and 5 \(got 6\)'):
        Sparsify(keep=6)(five)
