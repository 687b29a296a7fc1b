import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import choose_edges
from graphsparse.pruning.edges.degree import DegreeScore
from graphsparse.tickets import Teddy


def test_is_the_highest_scores_exact_in_number(small):
    adj = to_adjacency(small)
    mask = choose_edges(adj, small.x, 'degree', sparsity=0.3)
    score = DegreeScore()(adj, small.x)
    assert mask.num_kept == adj.num_edges - int(0.3 * adj.num_edges)
    assert score[mask.keep].min() >= score[~mask.keep].max()
    assert choose_edges(adj, score=DegreeScore(), keep=7).num_kept == 7


def test_the_seed_is_the_scores_own(small):
    adj = to_adjacency(small)
    masks = [choose_edges(adj, None, 'random', 0.5, seed=s).keep for s in (1, 1, 2)]
    assert torch.equal(masks[0], masks[1]) and not torch.equal(masks[0], masks[2])


def test_teddy_chooses_the_same_edges(small):
    adj = to_adjacency(small)
    mine = choose_edges(adj, small.x, 'teddy', 0.4, select='connected')
    teddy = Teddy(0.4, select='connected').choose_edges(adj, small.x, 0)
    assert torch.equal(mine.keep, teddy.keep)


def test_bad_input(small):
    adj = to_adjacency(small)
    with pytest.raises(InputError, match='teddi'):
        choose_edges(adj, None, 'teddi', 0.5)
    with pytest.raises(InputError, match='either sparsity or keep'):
        choose_edges(adj, None, 'degree')
