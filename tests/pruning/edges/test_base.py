import gc
from dataclasses import dataclass

import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.graph import build, to_adjacency
from graphsparse.pruning import EdgeScore, score_edges
from graphsparse.pruning.edges.base import multiply_ends
from graphsparse.pruning.edges.teddy import TeddyScore
from tests.helpers import FIVE, both_ways

EDGES = torch.cat([torch.tensor([[2], [2]]), both_ways(FIVE)], 1)


@pytest.fixture
def made():
    """A score that gives what it is told; the class goes with the test."""

    @dataclass(frozen=True)
    class MadeUpScore(EdgeScore):
        worth: object = None

        def score(self, adj, x, seed):
            return self.worth(adj, x, seed)

    yield MadeUpScore
    del MadeUpScore
    gc.collect()


@pytest.mark.parametrize(
    ('worth', 'message'),
    [
        (torch.ones(4).double(), r'shape \[4\]; a score is float64 of shape \[5\]'),
        (torch.ones(5), 'gave torch.float32'),
        (torch.ones(5, 1).double(), r'shape \[5, 1\]'),
    ],
)
def test_a_score_of_another_form_is_a_mistake(made, worth, message):
    with pytest.raises(TypeError, match=message):
        made(lambda *_: worth)(to_adjacency(EDGES, 5))


def test_nan_is_refused(made):
    worth = torch.ones(5).double().index_fill(0, torch.tensor(2), torch.nan)
    with pytest.raises(InputError, match='NaN scores; are there NaN features'):
        made(lambda *_: worth)(to_adjacency(EDGES, 5))


def test_scored_without_gradients(made):
    x = torch.ones(5, 1, requires_grad=True)
    score = made(lambda adj, x, _: x[adj.row()[adj.edge_slot()], 0].double())
    assert not score(to_adjacency(EDGES, 5), x).requires_grad


def test_scores_over_the_callers_edges():
    by_edge = TeddyScore()(to_adjacency(EDGES, 5)).tolist()
    found = score_edges(to_adjacency(EDGES, 5))
    assert found.tolist() == [torch.inf, *by_edge, *by_edge]
    strict = score_edges(Data(edge_index=EDGES, num_nodes=5), 'teddy', a=0.5)
    assert float(strict[1]) == pytest.approx(0.185395406)
    part = to_adjacency(EDGES, 5).keep_edges(torch.tensor([True] * 4 + [False]))
    assert score_edges(part)[[5, 10]].tolist() == [-torch.inf, -torch.inf]


def test_features_and_seed_reach_the_score(made):
    data = Data(edge_index=EDGES, x=torch.arange(5.0).view(5, 1))

    def worth(adj, x, seed):
        return x[adj.row()[adj.edge_slot()], 0].double() + 10 * seed

    found = score_edges(data, made(worth), seed=3)
    assert found[1:6].tolist() == [30.0, 30.0, 30.0, 31.0, 33.0]


def test_options_and_names_that_do_not_fit_are_refused():
    with pytest.raises(InputError, match=r"'tedd'.*'teddy'"):
        score_edges(to_adjacency(EDGES, 5), 'tedd')
    with pytest.raises(InputError, match=r"cannot take \{'power': 2\}"):
        score_edges(to_adjacency(EDGES, 5), 'teddy', power=2)


@pytest.mark.parametrize('block', [1, 2, 3, 4, 100])
def test_numbers_of_both_ends_in_blocks(monkeypatch, block):
    monkeypatch.setattr(build, '_BLOCK', block)
    adj = to_adjacency(EDGES, 5)
    number = torch.tensor([2.0, 3, 5, 7, 11])
    assert multiply_ends(adj, number, number).tolist() == [6.0, 10, 14, 15, 77]
    arcs = adj.as_directed()
    found = multiply_ends(arcs, number, 2 * number)
    assert torch.equal(found, number[arcs.col] * 2 * number[arcs.row()])
