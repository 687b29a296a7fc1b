import math

import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.tickets import RandomSearch
from graphsparse.training import Task, Training, Watch

SHORT = Training(epochs=5)


def theta_0():
    torch.manual_seed(0)
    return GCN(16, 8, 2, 3, dropout=0.5)


def test_exact_and_random_in_both(small):
    search = RandomSearch(0.3, 0.6, draws=3, training=SHORT)
    tickets = [search.search(theta_0(), small, seed=seed) for seed in (0, 1)]
    edges = to_adjacency(small).num_edges
    for ticket in tickets:
        assert ticket.edge_mask.num_kept == edges - math.floor(0.3 * edges)
        layers = [int(keep.sum()) for keep in ticket.weight_mask.keep.values()]
        assert layers == [41, 19]  # 60 as 24 : 11
        for name, keep in ticket.weight_mask.keep.items():
            assert torch.equal(ticket.trained[name] != 0, keep)
    assert not torch.equal(*(t.edge_mask.keep for t in tickets))


@pytest.mark.parametrize('judge', ['loss', 'val'])
def test_the_best_untrained_draw_is_kept(small, judge):
    task, seen = Task.from_data(small), []

    def look(step):
        if step.stage == 'draws':
            seen.append((step.loss, step.val))

    search = RandomSearch(0.4, 0.6, draws=12, judge=judge, train=False)
    ticket = search.search(theta_0(), task, watch=Watch((look,)))
    judged = ticket.facts['judged']
    assert judged == [step[0 if judge == 'loss' else 1] for step in seen]
    assert len(set(judged)) > 1
    model, graph = ticket.apply(theta_0(), task.graph)
    out = task.infer(model, graph)
    if judge == 'loss':
        assert float(task.train_loss(out)) == min(judged)
    else:
        assert task.val_score(out) == max(judged)


def test_of_equals_the_first_and_fewer_draws_are_the_first_of_more(small):
    many = RandomSearch(0.4, 0.6, draws=10, judge='val', train=False)
    judged = many.search(theta_0(), small).facts['judged']
    best = judged.index(max(judged))
    for draws in (best + 1, 10):
        few = RandomSearch(0.4, 0.6, draws=draws, judge='val', train=False)
        ticket = few.search(theta_0(), small)
        assert ticket.facts['judged'] == judged[:draws]
    first = RandomSearch(0.4, 0.6, draws=best + 1, judge='val', train=False)
    a, b = (s.search(theta_0(), small) for s in (many, first))
    assert torch.equal(a.edge_mask.keep, b.edge_mask.keep)


def test_untrained_its_weights_are_those_of_theta_0(small):
    ticket = RandomSearch(0.2, 0.5, draws=2, train=False).search(theta_0(), small)
    assert ticket.trained is None and ticket.facts['epochs'] == 0
    model, _ = ticket.apply(theta_0(), small)
    for name, weight in model.state_dict().items():
        keep = ticket.weight_mask.keep.get(name, torch.tensor(True))
        assert torch.equal(weight, theta_0().state_dict()[name] * keep)


def test_validation_labels_are_read_only_where_they_judge(small):
    other = small.clone()
    other.y[small.val_mask] = other.y[small.val_mask].roll(1)
    masks = {}
    for judge in ('loss', 'val'):
        search = RandomSearch(0.4, 0.6, draws=20, judge=judge, train=False)
        masks[judge] = [
            search.search(theta_0(), data).edge_mask.keep for data in (small, other)
        ]
    assert torch.equal(*masks['loss'])
    assert not torch.equal(*masks['val'])


def test_the_baseline_is_one_draw(small):
    search = RandomSearch(0.4, 0.6, draws=4, training=SHORT)
    single = RandomSearch(0.4, 0.6, draws=1, training=SHORT)
    assert search.baselines() == {'first_draw': single}
    assert single.baselines() == {}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'draws': 0}, r'draws .* \(got 0\)'),
        ({'judge': 'los'}, r"'los'.*'loss'"),
        ({'graph_sparsity': 1.0}, r'\(got 1\.0\)'),
        ({'distribution': 'er'}, r"'er'.*'erk'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        RandomSearch(**options)
