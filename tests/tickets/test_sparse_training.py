import math

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.pruning import choose_edges
from graphsparse.tickets import NM, SET, Gradual, GroupSparsity, Rigl
from graphsparse.training import Training, Watch

METHODS = [Rigl, SET, Gradual, NM, GroupSparsity]


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


@pytest.mark.parametrize('method', METHODS)
def test_edges_are_chosen_by_the_score_alone(method, small):
    search = method(graph_sparsity=0.3, score='random', training=Training(epochs=2))
    ticket = search.search(factory, small, seed=4)
    adj = to_adjacency(small)
    expected = choose_edges(adj, small.x, 'random', 0.3, seed=4)
    assert torch.equal(ticket.edge_mask.keep, expected.keep)
    assert ticket.edge_mask.num_kept == adj.num_edges - math.floor(0.3 * adj.num_edges)


@pytest.mark.parametrize('method', METHODS)
def test_every_epoch_is_judged_as_the_ticket_it_would_be(method, small):
    """In evaluation mode the net has the sparsity of the ticket in every epoch."""
    scores, zeros = [], []

    def look(step):
        scores.append(step.val)
        net = step.model.eval()
        zeros.append(sum(int((w == 0).sum()) for w in net.weights().values()))

    search = method(training=Training(epochs=7))
    ticket = search.search(factory, small, watch=Watch((look,)))
    removed = ticket.weight_mask.num_total - ticket.weight_mask.num_kept
    assert zeros == [removed] * 7
    assert ticket.facts['best_epoch'] == max(range(7), key=lambda e: (scores[e], e))


@pytest.mark.parametrize('method', METHODS)
def test_trained_is_what_was_judged(method, small):
    """The ticket's net has the validation score of the epoch it is of."""
    from graphsparse.training import Task

    task = Task.from_data(small)
    scores = []
    watch = Watch((lambda step: scores.append(step.val),))
    ticket = method(training=Training(epochs=9)).search(factory, task, watch=watch)
    model, graph = ticket.apply(factory, task.graph)
    assert task.evaluate(model, graph).val == scores[ticket.facts['best_epoch']]


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('kind', ['SGD', 'AdamW'])
def test_other_optimisers_serve(method, kind, small):
    training = Training(epochs=3, optimizer=kind)
    assert method(training=training).search(factory, small).trained


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('epochs', [1, 2])
def test_very_short_trainings(method, epochs, small):
    ticket = method(training=Training(epochs=epochs)).search(factory, small)
    for name, mask in ticket.weight_mask.keep.items():
        assert not ticket.trained[name][~mask].any()


@pytest.mark.parametrize('method', METHODS)
def test_baselines_have_the_same_budget(method, small):
    search = method(graph_sparsity=0.25, training=Training(epochs=3))
    mine = search.search(factory, small)
    baselines = search.baselines()
    assert baselines
    for other in baselines.values():
        ticket = other.search(factory, small)
        assert ticket.edge_mask.num_kept == mine.edge_mask.num_kept
        assert ticket.weight_mask.num_kept == mine.weight_mask.num_kept
        assert torch.equal(ticket.edge_mask.keep, mine.edge_mask.keep)


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_sparsity': 1.0}, r'graph_sparsity .* \(got 1\.0\)'),
        ({'score': 'tedy'}, "'tedy'.*Did you mean 'teddy'"),
        ({'select': 'best'}, "'best'"),
    ],
)
def test_bad_options(method, options, message):
    with pytest.raises(InputError, match=message):
        method(**options)
