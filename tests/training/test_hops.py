import pytest
import torch
import torch.nn.functional as F

from graphsparse.engine import InputError
from graphsparse.loading import HopStore
from graphsparse.nn.hops import MLP, SGC, SIGN, LabelNet
from graphsparse.tickets import Teddy
from graphsparse.training import (
    HopTask,
    NodeTask,
    Training,
    Watch,
    evaluate_perturbed,
    fit,
)


@pytest.fixture
def task(small):
    node = NodeTask.from_data(small)
    store = HopStore.build(small, small.x, 2)
    return HopTask.of(node, store, batch_size=8)


def net():
    torch.manual_seed(0)
    return SIGN(16, 3, 2, hidden_channels=8)


def test_it_is_the_task_it_is_made_of(small, task):
    node = NodeTask.from_data(small)
    assert set(task.graph.keys()) == set(node.graph.keys())
    assert (task.metric, task.out_channels) == ('accuracy', 3)
    assert not task.whole
    out = torch.randn(120, 3)
    assert task.train_loss(out) == node.train_loss(out)
    assert task.val_score(out) == node.val_score(out)
    assert task.test_score(out) == node.test_score(out)


def test_an_epoch_is_every_training_node_once_in_an_order_of_its_own(small, task):
    seen = {}
    for seed, epoch in ((0, 0), (0, 1), (1, 0)):
        torch.manual_seed(epoch)  # of no effect
        steps = [step for step, _ in task.steps(epoch, seed)]
        assert [step.train.index.numel() for step in steps] == [8, 8, 8, 6]
        order = torch.cat([step.train.index for step in steps])
        assert torch.equal(order.sort().values, small.train_mask.nonzero().view(-1))
        seen[seed, epoch] = order.tolist()
        for step in steps:
            assert torch.equal(step.train.y, small.y[step.train.index])
    assert len(set(map(tuple, seen.values()))) == 3
    again = torch.cat([step.train.index for step, _ in task.steps(1, 0)])
    assert again.tolist() == seen[0, 1]


def test_several_passes_are_several_orders(task):
    twice = HopTask.of(task, task.store, batch_size=30, passes=2)
    one = HopTask.of(task, task.store, batch_size=30)
    for epoch in (0, 1):
        found = [step.train.index for step, _ in twice.steps(epoch, 3)]
        expected = [
            step.train.index
            for part in (2 * epoch, 2 * epoch + 1)
            for step, _ in one.steps(part, 3)
        ]
        assert all(map(torch.equal, found, expected)) and len(found) == 2


def test_in_order_where_asked(task):
    plain = HopTask.of(task, task.store, batch_size=7, shuffle=False)
    order = torch.cat([step.train.index for step, _ in plain.steps(5, 1)])
    assert torch.equal(order, task.train.index)


def test_a_single_node_left_over_joins_the_others(task):
    for size, expected in ((29, [30]), (10, [10] * 3), (1, [1] * 30), (50, [30])):
        parts = HopTask.of(task, task.store, batch_size=size).steps(0, 0)
        assert [part.train.index.numel() for part, _ in parts] == expected


def test_predictions_are_those_of_all_rows_at_once(task):
    model = net().eval()
    rows = torch.stack(task.store.hops, dim=1)
    with torch.no_grad():
        torch.testing.assert_close(task.infer(model), model(rows))
    step, _ = next(task.steps(0, 0))
    out = step.predict(model)
    torch.testing.assert_close(out, model(rows[step.train.index]))
    expected = F.cross_entropy(out, step.train.y)
    assert step.train_loss(out) == expected


def test_what_more_there_is_reaches_the_model(task):
    extra = torch.rand(120, 3)
    more = HopTask.of(task, task.store, extra, batch_size=8)
    model = LabelNet(net()).eval()
    rows = torch.stack(task.store.hops, dim=1)
    with torch.no_grad():
        torch.testing.assert_close(more.infer(model), model(rows, extra))
        torch.testing.assert_close(task.infer(model), model(rows))
    step, _ = next(more.steps(0, 0))
    out, index = step.predict(model), step.train.index
    torch.testing.assert_close(out, model(rows[index], extra[index]))


def test_training_learns_and_runs_no_test_node(small, task):
    model, seen = net(), []
    model.register_forward_pre_hook(lambda _, args: seen.append(args[0].size(0)))
    course = fit(model, task, Training(epochs=20, weight_decay=0.0))
    assert sum(seen) == 20 * int(small.train_mask.sum() + small.val_mask.sum())
    assert course.loss[-1] < 0.5 * course.loss[0]
    scores = task.evaluate(model)
    assert scores.val == course.best_val == task.val_score(task.infer(model))
    assert scores.test == task.test_score(task.infer(model)) > 0.6


def test_an_interrupted_training_goes_on_with_the_same_batches(task, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 2:
            raise Stop

    training = Training(epochs=5)
    with pytest.raises(Stop):
        fit(net(), task, training, watch=Watch((stop,), tmp_path, every=0.0))
    resumed, whole = net(), net()
    course = fit(resumed, task, training, watch=Watch((), tmp_path))
    assert course.loss == fit(whole, task, training).loss
    for name, weight in whole.state_dict().items():
        assert torch.equal(weight, resumed.state_dict()[name])


def test_hops_on_disk_give_the_same_bits(small, task, tmp_path):
    store = HopStore.build(small, small.x, 2, folder=tmp_path)
    mapped, plain = net(), net()
    fit(mapped, HopTask.of(task, store, batch_size=8), Training(epochs=3))
    fit(plain, task, Training(epochs=3))
    assert torch.equal(task.infer(mapped), task.infer(plain))


def test_elsewhere_it_is_the_same_task(task):
    model = net()
    assert task.to('cpu').validate(model) == task.validate(model)


def test_several_labels_a_node(small):
    small.y = F.one_hot(small.y, 3).float()
    node = NodeTask.from_data(small, metric='micro_f1')
    task = HopTask.of(node, HopStore.build(small, small.x, 1))
    course = fit(SGC(16, 3, 1), task, Training(epochs=3))
    assert course.loss[-1] < course.loss[0]


def test_no_other_graph_is_taken_in_silence(small, task):
    assert task.infer(net(), task.graph).shape == (120, 3)
    with pytest.raises(InputError, match='propagated on another graph'):
        task.infer(net(), small)
    search = Teddy(training=Training(epochs=1), distillation=0.0)
    with pytest.raises(InputError, match='build a HopStore'):
        search.search(net, task)
    with pytest.raises(InputError, match='build a HopStore'):
        evaluate_perturbed(task, net(), features=0.1)


def test_bad_input(small, task):
    node = NodeTask.from_data(small)
    with pytest.raises(InputError, match='119 nodes, the task of 120'):
        HopTask.of(node, HopStore([small.x[1:]]))
    with pytest.raises(InputError, match='7 rows for 120'):
        HopTask.of(node, task.store, torch.ones(7, 3))
    with pytest.raises(InputError, match='batch_size is 0'):
        HopTask.of(node, task.store, batch_size=0)
    with pytest.raises(InputError, match='passes is 0'):
        HopTask.of(node, task.store, passes=0)
    model = MLP(16, 3)
    assert HopTask.of(node, HopStore([small.x])).infer(model).shape == (120, 3)


def test_batches_fill_one_tensor(task):
    model = net().eval()
    whole = model(task.store.rows(torch.arange(120)))
    out = task.predict(model)  # 15 batches, with a gradient
    torch.testing.assert_close(out, whole)
    out.sum().backward()
    grads = [p.grad.clone() for p in model.parameters()]
    model.zero_grad()
    whole.sum().backward()
    for grad, param in zip(grads, model.parameters(), strict=True):
        torch.testing.assert_close(grad, param.grad, rtol=1e-4, atol=1e-4)
