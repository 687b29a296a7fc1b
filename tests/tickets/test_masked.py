from dataclasses import dataclass

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError, find
from graphsparse.pruning import prunable, select_weights
from graphsparse.tickets import TicketSearch
from graphsparse.tickets.masked import MaskSearch, fit_masked
from graphsparse.training import Task, Training, Watch, fit


def model_and_mask():
    torch.manual_seed(0)
    model = GCN(16, 8, 2, 3, dropout=0.5)
    return model, select_weights(prunable(model), 0.6)


@pytest.mark.parametrize('optimizer', ['Adam', 'SGD', 'AdamW', 'RMSprop'])
def test_pruned_weights_are_0_after_every_step(small, optimizer):
    model, mask = model_and_mask()
    seen = []

    def look(step):
        weights = dict(step.model.named_parameters())
        for name, keep in mask.keep.items():
            assert not weights[name][~keep].any()
            assert weights[name][keep].all()
        seen.append(step.epoch)

    task, training = Task.from_data(small), Training(epochs=12, optimizer=optimizer)
    watch = Watch((look,))
    fit_masked(model, task, training, task.graph, mask, 0, 'fit', watch)
    assert len(seen) == 12


def test_without_a_mask_it_is_a_training(small):
    task, training = Task.from_data(small), Training(epochs=5)
    (one, _), (two, _) = model_and_mask(), model_and_mask()
    fit_masked(one, task, training, task.graph, None, 3, 'fit', Watch())
    fit(two, task, training, seed=3)
    for name, weight in one.state_dict().items():
        assert torch.equal(weight, two.state_dict()[name])


def test_it_is_no_search_itself():
    assert 'mask' not in find(TicketSearch)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_sparsity': 1.0}, r'graph_sparsity .* \(got 1\.0\)'),
        ({'weight_sparsity': -0.1}, r'weight_sparsity .* \(got -0\.1\)'),
        ({'weight_score': 'snap'}, "'snap'.*Did you mean 'snip'"),
        ({'weight_score_args': {'temperature': 2}}, "'temperature'"),
        ({'weight_score_args': {'rounds': 0}}, 'rounds .* 0'),
        ({'distribution': 'globe'}, "'globe'.*Did you mean 'global'"),
        ({'score': 'tedy'}, "'tedy'.*Did you mean 'teddy'"),
        ({'score_args': {'c': 1}}, "'c'"),
        ({'select': 'best'}, "'best'"),
    ],
)
def test_bad_options(options, message):
    @dataclass(frozen=True)
    class Any(MaskSearch):
        def run(self, *args):
            raise NotImplementedError

    with pytest.raises(InputError, match=message):
        Any(**options)
    Any.__abstractmethods__ = frozenset({'run'})  # no longer found
