import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.evaluation.links import LinkPart, LinkSplit, check_split

from ...helpers import both_ways, modest, random_graph


def pair_set(pairs):
    return {frozenset(pair) for pair in pairs.t().tolist()}


@pytest.fixture
def graph():
    return random_graph(40, 100, seed=1)


def split_of(graph, **options):
    from graphsparse import to_adjacency

    adj = to_adjacency(graph, int(graph.max()) + 1)
    return LinkSplit.from_graph(adj, **({'val': 0.1, 'test': 0.2} | options))


@modest
@given(st.integers(0, 20), st.booleans())
def test_links_are_parted_exactly_and_none_leaks(seed, use_valedges):
    graph = random_graph(30, 60, seed=seed)
    graph = torch.cat([graph, torch.tensor([[3], [3]])], dim=1)  # a loop
    split = split_of(graph, seed=seed, use_valedges=use_valedges)
    assert check_split(split) is split
    links = {pair for pair in pair_set(graph) if len(pair) == 2}
    parts = [pair_set(part.pos) for part in split.parts().values()]
    assert set.union(*parts) == links
    assert list(map(len, parts)) == [
        len(links) - int(0.1 * len(links) + 1e-9) - int(0.2 * len(links) + 1e-9),
        int(0.1 * len(links) + 1e-9),
        int(0.2 * len(links) + 1e-9),
    ]
    train, val, test = split.train, split.val, split.test
    assert pair_set(train.messages) == pair_set(val.messages) == parts[0]
    late = parts[0] | parts[1] if use_valedges else parts[0]
    assert pair_set(test.messages) == late
    assert test.messages.size(1) == 2 * len(late)
    negatives = [pair_set(part.neg) for part in (val, test)]
    assert [part.neg.size(1) for part in (val, test)] == [*map(len, negatives)]
    assert list(map(len, negatives)) == list(map(len, parts[1:]))
    assert not negatives[0] & negatives[1]
    assert not (negatives[0] | negatives[1]) & links


def test_a_split_is_a_function_of_its_seed(graph):
    one, same, other = (split_of(graph, seed=seed) for seed in (4, 4, 5))
    torch.manual_seed(9)  # of no effect
    for name, part in one.parts().items():
        assert torch.equal(part.pos, same.parts()[name].pos)
        assert torch.equal(part.negatives(), same.parts()[name].negatives())
        assert not torch.equal(part.pos, other.parts()[name].pos)


def test_a_directed_link_keeps_its_direction():
    arcs = torch.tensor([[i for i in range(12)], [(i + 1) % 12 for i in range(12)]])
    split = check_split(split_of(arcs, directed=True))
    told = torch.cat([part.pos for part in split.parts().values()], dim=1)
    assert sorted(told.t().tolist()) == sorted(arcs.t().tolist())


def test_negatives_of_each_link_are_pairs_from_its_source():
    part = LinkPart(
        torch.empty(2, 0, dtype=torch.int64),
        torch.tensor([[0, 1], [2, 3]]),
        targets=torch.tensor([[4, 5], [6, 7]]),
    )
    assert part.negatives().tolist() == [[0, 0, 1, 1], [4, 5, 6, 7]]


def test_the_split_says_what_is_scored_by_which_graph(graph):
    lines = split_of(graph, use_valedges=True).describe().splitlines()
    assert len(lines) == 3
    assert lines[2].startswith('test: ')
    assert 'links and' in lines[2]


def test_bad_shares_and_full_graphs_are_refused():
    complete = torch.combinations(torch.arange(6)).t()
    with pytest.raises(InputError, match='each part needs one'):
        split_of(complete, val=0.01)
    with pytest.raises(InputError, match='each part needs one'):
        split_of(complete, val=0.5, test=0.6)
    with pytest.raises(InputError, match='no links were not found among 0'):
        split_of(complete)


def test_every_pair_that_is_no_link_can_be_asked_for():
    star = both_ways([(0, i) for i in range(1, 11)])  # 45 pairs are no links
    split = split_of(star, negatives=15.0)
    assert split.val.neg.size(1) + split.test.neg.size(1) == 45


@modest
@given(st.integers(0, 20), st.booleans())
def test_links_of_another_graph_are_learned_from_unless_asked_for(seed, use_valedges):
    graph, other = (
        random_graph(30, 60, seed=seed),
        random_graph(30, 200, seed=seed + 99),
    )
    other = torch.cat([other, torch.tensor([[3], [3]])], dim=1)
    one = split_of(graph, seed=seed, use_valedges=use_valedges, avoid=other)
    two = check_split(one.with_train(other))
    links = {pair for pair in pair_set(other) if len(pair) == 2}
    asked = pair_set(one.val.pos) | pair_set(one.test.pos)
    for part in (one.val, one.test):
        assert not pair_set(part.neg) & links
    train = pair_set(one.train.pos)
    assert pair_set(two.train.pos) == train | (links - asked)
    assert len(pair_set(two.train.pos)) == two.train.pos.size(1)
    assert pair_set(two.val.messages) == pair_set(two.train.pos)
    late = pair_set(one.val.pos) if use_valedges else set()
    assert pair_set(two.test.messages) == pair_set(two.train.pos) | late
    for name in ('val', 'test'):
        old, new = getattr(one, name), getattr(two, name)
        assert torch.equal(old.pos, new.pos) and torch.equal(old.neg, new.neg)


def test_links_with_a_direction_are_not_added_to(graph):
    split = split_of(graph, directed=True)
    with pytest.raises(InputError, match='directed'):
        split.with_train(graph)


def collab():
    """Four nodes of ogbl-collab: 0-1 in two years, 2-3 early, 1-2 to validate on."""
    return Data(
        edge_index=torch.tensor([[0, 1, 0, 1, 2, 3], [1, 0, 1, 0, 3, 2]]),
        edge_weight=torch.tensor([1.0, 1, 2, 2, 5, 5]),
        edge_year=torch.tensor([[2009], [2009], [2011], [2011], [2001], [2001]]),
        num_nodes=4,
        train_pos=torch.tensor([[0, 0, 2], [1, 1, 3]]),
        train_year=torch.tensor([2009, 2011, 2001]),
        val_pos=torch.tensor([[1], [2]]),
        val_neg=torch.tensor([[0], [3]]),
        test_pos=torch.tensor([[0], [1]]),  # again
        test_neg=torch.tensor([[0], [2]]),
        metric='hits@50',
        repeats=True,
    )


def weights(part):
    arcs = map(tuple, part.messages.t().tolist())
    return dict(zip(arcs, part.weight.tolist(), strict=True))


def test_weights_of_years_add_up_and_validation_links_are_late_messages():
    split = check_split(LinkSplit.from_data(collab(), use_valedges=True), False)
    early = {(0, 1): 3.0, (1, 0): 3.0, (2, 3): 5.0, (3, 2): 5.0}
    assert weights(split.train) == weights(split.val) == early
    assert weights(split.test) == early | {(1, 2): 1.0, (2, 1): 1.0}
    assert split.repeats and not split.directed


def test_what_is_of_an_earlier_year_is_left_out():
    split = LinkSplit.from_data(collab(), since=2009)
    assert split.train.pos.tolist() == [[0, 0], [1, 1]]
    assert weights(split.test) == {(0, 1): 3.0, (1, 0): 3.0}
    with pytest.raises(InputError, match='No training link is of 2012'):
        LinkSplit.from_data(collab(), since=2012)
    data = collab()
    del data.edge_year
    with pytest.raises(InputError, match='needs edge_year'):
        LinkSplit.from_data(data, since=2009)


def test_links_from_a_source_have_targets_of_their_own():
    data = Data(
        edge_index=torch.tensor([[1, 2], [0, 0]]),
        num_nodes=5,
        train_pos=torch.tensor([[1, 2], [0, 0]]),
        val_pos=torch.tensor([[3], [0]]),
        val_neg=torch.tensor([[2, 4]]),
        test_pos=torch.tensor([[4], [1]]),
        test_neg=torch.tensor([[2, 3]]),
        metric='mrr',
    )
    split = check_split(LinkSplit.from_data(data))
    assert split.directed and split.test.own
    assert split.test.targets.tolist() == [[2, 3]]
    assert sorted(split.train.messages.t().tolist()) == [[0, 1], [0, 2], [1, 0], [2, 0]]
