import pytest
import torch

from graphsparse.data import split_per_class, split_random
from graphsparse.engine import InputError


def labels(counts, missing=0):
    y = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    y = torch.cat([y, torch.full((missing,), -1)])
    return y[torch.randperm(len(y), generator=torch.Generator().manual_seed(7))]


def assert_parts(y, masks):
    """Disjoint, and together all labelled nodes and nothing else."""
    for mask in masks:
        assert mask.dtype == torch.bool
        assert mask.shape == y.shape
    assert torch.equal(sum(mask.int() for mask in masks), (y >= 0).int())


def test_per_class_counts_are_exact():
    y = labels([60, 50, 70], missing=9)
    train, val, test = split_per_class(y, train=20, val=30, seed=1)
    assert_parts(y, (train, val, test))
    assert torch.bincount(y[train]).tolist() == [20, 20, 20]
    assert torch.bincount(y[val]).tolist() == [30, 30, 30]
    assert torch.bincount(y[test], minlength=3).tolist() == [10, 0, 20]


def test_per_class_with_a_total_to_validate_on():
    y = labels([60, 50, 70], missing=9)
    train, val, test = split_per_class(y, train=10, val_total=100, seed=1)
    assert_parts(y, (train, val, test))
    assert torch.bincount(y[train]).tolist() == [10, 10, 10]
    assert int(val.sum()) == 100


def test_a_label_nobody_has_is_no_class():
    y = labels([40, 0, 40])
    train, _, _ = split_per_class(y, train=5, val=5)
    assert torch.bincount(y[train]).tolist() == [5, 0, 5]


def test_random_fractions_are_of_labelled_nodes():
    y = labels([60, 41], missing=50)
    train, val, test = split_random(y, 0.5, 0.25, seed=3)
    assert_parts(y, (train, val, test))
    assert [int(mask.sum()) for mask in (train, val, test)] == [50, 25, 26]


def test_a_whole_product_stays_whole():
    train, _, _ = split_random(labels([100]), train=0.29, val=0.1)
    assert int(train.sum()) == 29


@pytest.mark.parametrize('draw', [split_per_class, split_random])
def test_seed_alone_decides(draw):
    y = labels([100, 100])
    torch.manual_seed(0)
    state = torch.get_rng_state()
    first = draw(y, seed=4)
    assert torch.equal(torch.get_rng_state(), state)
    torch.manual_seed(1)
    assert all(map(torch.equal, first, draw(y, seed=4)))
    assert not torch.equal(first[0], draw(y, seed=5)[0])


def test_every_node_is_as_likely_to_train():
    y = labels([30, 30])
    hits = sum(split_per_class(y, 10, 5, seed=s)[0].int() for s in range(600))
    # Binomial(600, 1/3): mean 200, standard deviation 11.5.
    assert int(hits.min()) > 140
    assert int(hits.max()) < 260


def test_labels_of_a_narrow_type():
    y = labels([60, 60], missing=3).to(torch.int8)
    wide = split_per_class(y.long(), seed=2)
    assert all(map(torch.equal, split_per_class(y, seed=2), wide))


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'train': 35, 'val': 10}, 'Class 1 has 40 nodes, but 35'),
        ({'train': 0}, 'train is 0'),
        ({'val': -1}, 'val is -1'),
        ({'val_total': 50.5}, 'val_total is 50.5'),
        ({'seed': -3}, 'seed is -3'),
        ({'train': 20, 'val_total': 60}, 'none to test on'),
    ],
)
def test_per_class_refuses(options, message):
    with pytest.raises(InputError, match=message):
        split_per_class(labels([60, 40]), **options)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'train': 1.5}, 'train is 1.5'),
        ({'train': 0.001}, 'train=0.001 of 100 labelled nodes leaves none'),
        ({'train': 0.6, 'val': 0.4}, 'none to test on'),
    ],
)
def test_random_refuses(options, message):
    with pytest.raises(InputError, match=message):
        split_random(labels([60, 40]), **options)


@pytest.mark.parametrize('y', [torch.rand(9), torch.ones(9, 2).long()])
def test_labels_that_are_no_classes_are_refused(y):
    with pytest.raises(InputError, match='whole numbers, one a node'):
        split_random(y)


def test_no_label_at_all():
    with pytest.raises(InputError, match='None of the 4 nodes'):
        split_random(torch.full((4,), -1))
