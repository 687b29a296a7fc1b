import pytest
import torch
from torch_geometric.nn import GCN

from graphsparse.engine import InputError
from graphsparse.pruning import prunable, select_weights
from graphsparse.tickets import Dense, OneShot, PruneCurve, prune_curve
from graphsparse.training import Task, Training


@pytest.fixture
def trained(small):
    torch.manual_seed(0)
    model = GCN(16, 8, 2, 3, dropout=0.5)
    ticket = Dense(Training(epochs=40)).search(model, small)
    return ticket.apply(model, small)[0]


def curve(val, unpruned=0.8, tolerance=0.01):
    levels = [level / 10 for level in range(len(val))]
    return PruneCurve('weights', levels, val, unpruned, tolerance)


@pytest.mark.parametrize(
    ('val', 'essential'),
    [
        ([0.8, 0.8, 0.8], 0.2),
        ([0.8, 0.79, 0.7], 0.1),  # 0.8 - 0.79 is a little more than 0.01
        ([0.8, 0.789, 0.8], 0.0),  # what comes after the knee does not count
        ([0.8, 0.85, 0.79, 0.1, 0.8], 0.2),
    ],
)
def test_the_last_sparsity_before_the_fall(val, essential):
    assert curve(val).essential == essential


def test_another_tolerance():
    assert curve([0.8, 0.79, 0.7], tolerance=0.0).essential == 0.0
    assert curve([0.8, 0.79, 0.7], tolerance=0.1).essential == 0.2


def test_weights_against_a_loop_of_their_own(small, trained):
    task = Task.from_data(small)
    found = prune_curve(trained, task)
    assert found.target == 'weights' and len(found.val) == 10
    assert found.sparsities == [level / 10 for level in range(10)]
    assert found.val[0] == found.unpruned == task.val_score(task.infer(trained))
    assert found.val[9] < found.unpruned
    for level, val in zip(found.sparsities, found.val, strict=True):
        mask = select_weights(prunable(trained), level)
        model = GCN(16, 8, 2, 3)
        model.load_state_dict(mask.apply(trained.state_dict()))
        assert task.val_score(task.infer(model)) == val


def test_edges_against_tickets(small, trained):
    task = Task.from_data(small)
    found = prune_curve(trained, task, 'edges', (0.2, 0.6), score='degree')
    still = Training(epochs=1, lr=0.0, weight_decay=0.0)
    for level, val in zip(found.sparsities, found.val, strict=True):
        search = OneShot(level, 0.0, score='degree', training=still)
        model, graph = search.search(trained, task).apply(trained, task.graph)
        assert task.val_score(task.infer(model, graph)) == val
    assert found.unpruned == task.val_score(task.infer(trained))


def test_by_a_score_that_reads_gradients(small, trained):
    for score in ('snip', 'synflow', 'random'):
        found = prune_curve(trained, small, score=score, distribution='erk')
        assert found.val[0] == found.unpruned
    assert prune_curve(trained, small, score='random', seed=1) != found


def test_nothing_is_changed_and_no_test_label_read(small, trained):
    before = {n: t.clone() for n, t in trained.state_dict().items()}
    data, other = small.clone(), small.clone()
    other.y[small.test_mask] = (other.y[small.test_mask] + 1) % 3
    for target in ('weights', 'edges'):
        assert prune_curve(trained, small, target) == prune_curve(
            trained, other, target
        )
    assert all(torch.equal(before[n], t) for n, t in trained.state_dict().items())
    assert torch.equal(data.edge_index, small.edge_index)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'target': 'weight'}, r"'weight'.*'weights'"),
        ({'sparsities': (0.5, 0.2)}, r'grow .*0\.5, 0\.2'),
        ({'sparsities': ()}, 'grow'),
        ({'sparsities': (0.5, 1.0)}, r'\(got 1\.0\)'),
        ({'tolerance': -0.1}, r'tolerance .*-0\.1'),
        ({'score': 'teddy'}, "'teddy'"),
        ({'target': 'edges', 'score': 'magnitude'}, "'magnitude'"),
    ],
)
def test_bad_options(small, trained, options, message):
    with pytest.raises(InputError, match=message):
        prune_curve(trained, small, **options)
