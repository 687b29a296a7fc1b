import pytest
import torch
from torch.nn import Dropout, Linear, ReLU, Sequential

from graphsparse.engine import InputError
from graphsparse.experiments.efficiency import Saved, fit_growth, measure_cost
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import Decoupled, EnGCN, FullBatch, Sampled
from graphsparse.training import NodeTask, Training

ONE = Training(epochs=1)


def test_bytes_kept_are_those_of_the_formula():
    """A ReLU keeps its output; a dropout its mask; a linear layer its input."""
    saved = Saved(Sequential(Linear(5, 8), ReLU(), Linear(8, 3)))
    saved(torch.randn(10, 5)).sum().backward()
    assert (saved.nodes, saved.bytes) == (10, 10 * 8 * 4)  # once, for both
    dropping = Saved(Sequential(Linear(5, 8), ReLU(), Dropout(0.5), Linear(8, 3)))
    dropping(torch.randn(10, 5)).sum().backward()
    relu, dropped = 10 * 8 * 4, 10 * 8 * 4
    assert dropping.bytes - relu - dropped in (10 * 8, 10 * 8 * 4)  # of bool or float


def test_neither_parameters_nor_inputs_count_and_gradients_stay_as_they_are():
    net = Linear(5, 3)
    saved, x = Saved(net), torch.randn(7, 5)
    saved(x).square().sum().backward()
    assert saved.bytes == 0
    found = net.weight.grad.clone()
    net.zero_grad()
    net(x).square().sum().backward()
    assert torch.equal(found, net.weight.grad)


@pytest.mark.parametrize(
    'branch, nodes, steps',
    [
        (FullBatch(ModelRecipe('sage', 8, 2)), 120, 1),
        (Decoupled(hops=1, hidden_channels=8, batch_size=10), 10, 3),
        (EnGCN(2, 8, batch_size=10), 10, 3),
    ],
    ids=['full_batch', 'decoupled', 'en_gcn'],
)
def test_nodes_and_steps_of_an_epoch(branch, nodes, steps, small):
    task = NodeTask.from_data(small)
    assert task.train.index.numel() == 30
    cost = measure_cost(branch, task)
    assert (cost.nodes, cost.steps) == (nodes, steps)
    assert cost.activation_bytes > 0 and cost.seconds > 0 and cost.loading >= 0


def test_memory_grows_with_the_graph_only_where_all_of_it_is_seen():
    sizes = (400, 800, 1600)
    full = FullBatch(ModelRecipe('sage', 8, 2, dropout=0.0), ONE)
    whole = fit_growth(dict.fromkeys(sizes, full))
    assert whole['memory_exponent'] == pytest.approx(1, abs=1e-6)
    rows = fit_growth(dict.fromkeys(sizes, Decoupled(hops=1, batch_size=50)))
    assert rows['memory_exponent'] == pytest.approx(0, abs=1e-6)
    args = {'num_neighbors': (3, 3), 'batch_size': 20}
    drawn = Sampled(full.model, ONE, 'neighbor', args)
    assert 0 < fit_growth(dict.fromkeys(sizes, drawn))['memory_exponent'] < 0.5


def test_one_size_gives_no_slope():
    with pytest.raises(InputError, match=r'got \[400\]'):
        fit_growth({400: FullBatch()})
