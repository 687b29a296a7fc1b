import math
from itertools import pairwise

import pytest
import torch
from torch.nn import Linear, ModuleDict
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.pruning import l0_support
from graphsparse.pruning.distributions.global_ import GlobalDistribution
from graphsparse.tickets import Gradual
from graphsparse.tickets.gradual import ShrinkingNet
from graphsparse.training import Training, Watch

LONG = Training(epochs=20)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def course(search, data, model=factory):
    """After every epoch: the masks in training, and the weights."""
    masks = []

    def look(step):
        for name, weight in step.model.raw().items():
            assert not weight[~step.model.keep[name]].any()
        masks.append({n: mask.clone() for n, mask in step.model.keep.items()})

    ticket = search.search(model, data, watch=Watch((look,)))
    return ticket, masks


def total(masks):
    return sum(int(mask.sum()) for mask in masks.values())


@pytest.mark.parametrize('distribution', ['uniform', 'global', 'erk'])
def test_exact_at_every_epoch_and_never_coming_back(distribution, small):
    search = Gradual(weight_sparsity=0.7, distribution=distribution, training=LONG)
    ticket, masks = course(search, small)
    for epoch, keep in enumerate(masks, 1):
        left = 0.7 * (1 - max(1 - epoch / 10, 0) ** 3)
        assert total(keep) == 152 - math.ceil(left * 152 - 1e-9)
    for before, after in pairwise(masks):
        assert all((after[n] <= before[n]).all() for n in after)
    assert ticket.weight_mask.num_kept == 152 - math.ceil(0.7 * 152)


def test_nested_and_exact_where_shares_of_layers_round_both_ways(small):
    """Four layers, odd sizes: every matrix ends with its share."""

    def model():
        return GCN(16, 5, 4, 3)

    search = Gradual(weight_sparsity=0.63, end=1.0, training=LONG)
    ticket, masks = course(search, small, model)
    for before, after in pairwise(masks):
        assert all((after[n] <= before[n]).all() for n in after)
    size = 16 * 5 + 2 * 25 + 15
    assert total(masks[-1]) == size - math.ceil(0.63 * size)
    for mask in ticket.weight_mask.keep.values():
        assert abs(int(mask.sum()) - 0.37 * mask.numel()) <= 1


@pytest.mark.parametrize(
    ('options', 'changes'),
    [
        ({'every': 4}, [4, 8, 10]),
        ({'every': 3, 'begin': 0.2}, [6, 9, 10]),
        ({'begin': 0.4, 'end': 0.4}, [8]),
        ({'begin': 0.0, 'end': 0.0}, [1]),
    ],
)
def test_when_weights_go(options, changes, small):
    options |= {'schedule': 'linear', 'training': LONG}
    search = Gradual(weight_sparsity=0.9, **options)
    _, masks = course(search, small)
    counts = [152, *map(total, masks)]
    assert [e for e in range(1, 21) if counts[e] != counts[e - 1]] == changes
    assert counts[20] == 152 - math.ceil(0.9 * 152)


def test_an_epoch_on_the_way_is_judged_at_the_final_sparsity(small):
    """Its net is cut to the largest of its weights, whatever is left by then."""
    search = Gradual(weight_sparsity=0.8, distribution='global', training=LONG)
    seen = []

    def look(step):
        model = step.model.eval()
        expected = l0_support({n: w.detach() for n, w in model.raw().items()}, 0.8)
        for name, weight in model.weights().items():
            assert torch.equal(weight != 0, expected.keep[name])
        seen.append(total(model.keep))

    search.search(factory, small, watch=Watch((look,)))
    assert seen[0] > seen[5] > seen[-1] == expected_kept(0.8)


def expected_kept(sparsity):
    return 152 - math.ceil(sparsity * 152)


def test_the_final_epochs_run_as_they_are_trained(small):
    def look(step):
        if step.epoch >= 10:
            support = step.model.support()
            assert all(torch.equal(m, support[n]) for n, m in step.model.keep.items())

    Gradual(training=LONG).search(factory, small, watch=Watch((look,)))


def test_other_schedules(small):
    search = Gradual(weight_sparsity=0.5, schedule='linear', training=LONG)
    _, masks = course(search, small)
    assert total(masks[4]) == 152 - 38  # half of the way, half of the weights to go


def test_baselines():
    search = Gradual(weight_sparsity=0.7, graph_sparsity=0.1, training=LONG)
    baselines = search.baselines()
    assert baselines['at_once'].end == 0 and baselines['at_once'].weight_sparsity == 0.7
    static = baselines['static']
    assert (static.until, static.weight_sparsity, static.graph_sparsity) == (
        0,
        0.7,
        0.1,
    )


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weight_sparsity': 1.0}, r'weight_sparsity .* \(got 1\.0\)'),
        ({'schedule': 'cubik'}, "'cubik'.*Did you mean 'cubic'"),
        ({'distribution': 'ekr'}, "'ekr'"),
        ({'every': 0}, r'every .* \(got 0\)'),
        ({'begin': 0.6}, r'begin .* end=0\.5 \(got 0\.6\)'),
        ({'end': 1.5}, r'end .* \(got 1\.5\)'),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Gradual(**options)


def test_a_net_without_matrices_is_refused(small):
    with pytest.raises(InputError, match='no weight matrix'):
        Gradual().search(ModuleDict, small)


def test_a_weight_that_is_0_but_there_comes_before_one_that_is_gone():
    net = Linear(4, 1, bias=False)
    net.weight.data.zero_()
    keep = {'weight': torch.tensor([[False, False, True, True]])}
    shrinking = ShrinkingNet(net, keep, GlobalDistribution(), 0.75)
    assert shrinking.support()['weight'].tolist() == [[False, False, True, False]]
    shrinking.shrink(0.5)
    assert torch.equal(shrinking.keep['weight'], keep['weight'])
