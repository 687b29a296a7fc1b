import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.loading.epochs import EpochLoader, split_epoch


def passes(loader, times=2):
    return [[split_epoch(items) for items in loader] for _ in range(times)]


def make(size=7, **options):
    return EpochLoader(range(size), collate_fn=list, batch_size=3, **options)


def test_each_number_tells_its_epoch():
    first, second = passes(make())
    assert first == [(0, [0, 1, 2]), (0, [3, 4, 5]), (0, [6])]
    assert second == [(1, [0, 1, 2]), (1, [3, 4, 5]), (1, [6])]
    assert len(make()) == 3 and make().batch_size == 3
    assert len(passes(make(drop_last=True))[0]) == 2


def test_shuffled_by_seed_and_epoch():
    first, second = passes(make(shuffle=True, seed=1))
    assert [first, second] == passes(make(shuffle=True, seed=1))
    assert first != passes(make(shuffle=True, seed=2**70))[0]
    numbers = [[i for _, index in p for i in index] for p in (first, second)]
    assert numbers[0] != numbers[1]
    assert sorted(numbers[0]) == sorted(numbers[1]) == list(range(7))


def test_resumed_at_an_epoch():
    whole = passes(make(shuffle=True), 3)
    loader = make(shuffle=True)
    loader.epoch = 2
    assert passes(loader, 1) == whole[2:]
    assert loader.epoch == 3


def test_orders_of_your_own():
    assert passes(make(sampler=[4, 2]), 1) == [[(0, [4, 2])]]
    batches = EpochLoader(range(7), batch_sampler=[[1, 2], [3]], collate_fn=list)
    assert passes(batches, 1) == [[(0, [1, 2]), (0, [3])]]


@pytest.mark.parametrize('options', [{}, {'shuffle': True}, {'drop_last': True}])
@pytest.mark.parametrize('size', [1, 2, 3, 4])
def test_shares_of_an_epoch(options, size):
    (whole,) = passes(make(11, **options), 1)
    shares = []
    for rank in range(size):
        loader = make(11, **options)
        loader.share = rank, size
        shares.append(passes(loader, 1)[0])
        assert len(loader) == len(shares[-1])
    assert [shares[i % size][i // size] for i in range(len(whole))] == whole
    assert sum(map(len, shares)) == len(whole)


def test_shares_of_orders_of_your_own():
    loader = EpochLoader(range(7), batch_sampler=[[1, 2], [3], [4]], collate_fn=list)
    loader.share = 0, 2
    assert passes(loader, 1) == [[(0, [1, 2]), (0, [4])]] and len(loader) == 2
    loader = EpochLoader(range(7), sampler=[4, 2, 6], batch_size=2, collate_fn=list)
    loader.share = 1, 2
    assert passes(loader, 1) == [[(0, [6])]] and len(loader) == 1


def test_plain_numbers_tell_no_epoch():
    assert split_epoch([3, 4]) == (None, [3, 4])
    index = torch.tensor([3])
    assert split_epoch(index) == (None, index)


def test_bad_input():
    with pytest.raises(InputError, match='0 inputs'):
        make(0)
    with pytest.raises(InputError, match=r'batch_size.*got 0'):
        EpochLoader(range(3), batch_size=0)
    with pytest.raises(InputError, match='Share 2 is not among 0 to 1'):
        make().share = 2, 2
