import dataclasses
import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch_geometric.data import Data
from torch_geometric.nn import GCN
from torch_geometric.utils import is_undirected

from graphsparse.data import csbm
from graphsparse.data.ogb import make_evaluator
from graphsparse.engine import InputError
from graphsparse.evaluation.links import LinkSplit, score_links
from graphsparse.nn import LearnedFeatures, LinkNet, MLPDecoder, accelerate, dot_product
from graphsparse.pruning import remove_edges
from graphsparse.tickets import (
    UGS,
    Dense,
    GroupSparsity,
    LearnedGate,
    OneShot,
    Teddy,
)
from graphsparse.training import LinkTask, Task, Training, fit

from ..helpers import both_ways


def split_links(metric='hits@10', seed=0):
    """Links of a graph of blocks: the most to train on, messages along those alone."""
    data = csbm(60, 2, degree=8.0, homophily=0.95, signal=3.0, seed=seed)
    pairs = data.edge_index[:, data.edge_index[0] < data.edge_index[1]]
    generator = torch.Generator().manual_seed(seed)
    order = torch.randperm(pairs.size(1), generator=generator)
    val, test, train = (
        pairs[:, part] for part in order.split([20, 20, len(order) - 40])
    )
    if metric == 'mrr':
        val_neg, test_neg = torch.randint(60, (2, 20, 15), generator=generator)
    else:
        val_neg, test_neg = torch.randint(60, (2, 2, 70), generator=generator)
    return Data(
        x=data.x,
        edge_index=both_ways(train.t().tolist()),
        train_pos=train,
        val_pos=val,
        val_neg=val_neg,
        test_pos=test,
        test_neg=test_neg,
        metric=metric,
    )


@pytest.fixture
def links():
    return split_links()


def factory():
    return GCN(16, 8, 2, 8)


def test_a_method_sees_training_links_alone(links):
    task = Task.from_data(links)
    assert isinstance(task, LinkTask)
    assert set(task.graph.keys()) == {'x', 'edge_index', 'num_nodes'}
    assert torch.equal(task.train, links.train_pos)
    assert task.metric == 'hits@10'


def test_the_loss_is_that_of_the_formula(links):
    task = Task.from_data(links)
    z = torch.randn(60, 4)
    positive = dot_product(z, links.train_pos)
    negative = dot_product(z, task.draw_pairs())
    expected = F.softplus(-positive).mean() + F.softplus(negative).mean()
    assert torch.allclose(task.train_loss(z), expected)


def test_pairs_drawn_are_no_links_and_a_function_of_seed_and_epoch(links):
    task = Task.from_data(links)
    known = {frozenset(pair) for pair in links.train_pos.t().tolist()}
    drawn = {}
    for seed, epoch in itertools.product(range(3), range(3)):
        torch.manual_seed(epoch)  # of no effect
        ((step, _),) = task.steps(epoch, seed)
        pairs = step.draw_pairs()
        assert pairs.shape == links.train_pos.shape
        assert not any(frozenset(pair) in known for pair in pairs.t().tolist())
        assert (pairs[0] != pairs[1]).all()
        drawn[seed, epoch] = pairs
    ((again, _),) = task.steps(2, 1)
    assert torch.equal(again.draw_pairs(), drawn[1, 2])
    assert not any(
        torch.equal(*two) for two in itertools.combinations(drawn.values(), 2)
    )


def test_batches_of_links_each_with_pairs_of_its_own(links):
    task = LinkTask.from_links(links, batch_size=10)
    whole = {tuple(pair) for pair in links.train_pos.t().tolist()}
    orders = []
    for epoch in (0, 1):
        steps = [step for step, _ in task.steps(epoch, 3)]
        assert all(step.train.size(1) <= 10 for step in steps)
        order = torch.cat([step.train for step in steps], dim=1)
        assert {tuple(pair) for pair in order.t().tolist()} == whole
        assert order.size(1) == links.train_pos.size(1)
        drawn = [step.draw_pairs() for step in steps]
        assert drawn[0].shape == steps[0].train.shape
        assert not torch.equal(drawn[0], drawn[1])
        orders.append(order)
    assert not torch.equal(*orders)
    for bad in (0, 2.5):
        with pytest.raises(InputError, match='batch_size'):
            LinkTask.from_links(links, batch_size=bad)


def test_every_pair_that_is_no_link_is_drawn_alike():
    train = torch.tensor([[0, 0, 1], [1, 2, 2]])
    other = torch.tensor([[0], [3]]), torch.tensor([[1], [3]])
    data = Data(
        edge_index=both_ways(train.t().tolist()),
        num_nodes=4,
        train_pos=train,
        val_pos=other[0],
        val_neg=other[1],
        test_pos=other[1],
        test_neg=other[0],
    )
    task = LinkTask.from_links(data, metric='hits@1')
    counts = torch.zeros(4, 4)
    for epoch in range(2000):
        ((step, _),) = task.steps(epoch, 0)
        u, v = step.draw_pairs()
        counts.index_put_((u, v), torch.ones(3), accumulate=True)
    both = counts + counts.t()
    assert both[:3, :3].sum() == 0
    assert torch.allclose(both[3, :3] / 6000, torch.tensor(1 / 3), atol=0.03)


def test_with_mrr_only_targets_are_drawn():
    task = Task.from_data(split_links('mrr'))
    pairs = task.draw_pairs()
    assert torch.equal(pairs[0], task.train[0])
    known = set(map(tuple, task.train.t().tolist()))
    assert not known & set(map(tuple, pairs.t().tolist()))


def test_messages_of_directed_links_go_both_ways_as_in_the_examples_of_ogb():
    data = split_links('mrr')
    data.edge_index = data.train_pos
    graph = Task.from_data(data).graph
    assert is_undirected(graph.edge_index)
    assert graph.num_edges == 2 * data.num_edges


def test_a_complete_graph_has_nothing_to_draw():
    every = torch.combinations(torch.arange(5)).t()
    names = ('train_pos', 'val_pos', 'val_neg', 'test_pos', 'test_neg')
    data = Data(edge_index=every, num_nodes=5, **dict.fromkeys(names, every))
    data.repeats = True
    task = LinkTask.from_links(data, 'hits@10')
    with pytest.raises(InputError, match='all but complete'):
        task.draw_pairs()


@pytest.mark.parametrize('name', ['ogbl-ddi', 'ogbl-citation2'])
def test_scores_are_those_of_the_evaluator_to_the_bit(name):
    evaluator = make_evaluator(name)
    data = split_links(evaluator.eval_metric)
    task = Task.from_data(data)
    z = torch.randn(60, 4).round()  # ties
    for name, found in (('val', task.val_score(z)), ('test', task.test_score(z))):
        positive, negative = data[f'{name}_pos'], data[f'{name}_neg']
        if evaluator.eval_metric == 'mrr':
            rows = torch.stack([positive[0][:, None].expand_as(negative), negative])
            told = {'y_pred_neg': dot_product(z, rows.reshape(2, -1)).view(20, 15)}
        else:
            told = {'y_pred_neg': dot_product(z, negative)}
        told['y_pred_pos'] = dot_product(z, positive)
        said = evaluator.eval(told)
        expected = said['hits@20'] if 'hits@20' in said else said['mrr_list'].mean()
        assert found == float(expected)


def test_scores_that_are_nan_are_no_perfect_ranks():
    task = Task.from_data(split_links('mrr'))
    assert math.isnan(task.val_score(torch.full((60, 4), float('nan'))))


def nets():
    torch.manual_seed(0)
    yield GCN(16, 8, 2, 8)
    yield LinkNet(accelerate(GCN(16, 8, 2, 8)), MLPDecoder(8, 8, 2, dropout=0.2))
    yield LearnedFeatures(LinkNet(GCN(4, 8, 2, 8), MLPDecoder(8, 8, 2)), 60, 4)


@pytest.mark.parametrize('net', nets(), ids=['inner', 'mlp', 'learned'])
def test_training_makes_links_rank_higher(links, net):
    task = Task.from_data(links)
    before = float(task.train_loss(task.infer(net)))
    training = Training(epochs=40, lr=0.02, weight_decay=0.0)
    course = fit(net, task, training, choose='last')
    assert float(task.train_loss(task.infer(net))) < 0.9 * before
    scores = task.evaluate(net)
    assert scores.val == course.val[-1]
    assert 0 <= scores.test <= 1


def test_an_interrupted_training_draws_the_same_pairs(links, tmp_path):
    from graphsparse.training import Watch

    class Stop(Exception):
        pass

    def stop(step):
        if step.epoch == 3:
            raise Stop

    task, training = Task.from_data(links), Training(epochs=6)
    torch.manual_seed(0)
    start = factory()
    halves, whole = factory(), factory()
    for net in (halves, whole):
        net.load_state_dict(start.state_dict())
    with pytest.raises(Stop):
        fit(halves, task, training, watch=Watch((stop,), tmp_path, every=0.0))
    halves.load_state_dict(start.state_dict())
    resumed = fit(halves, task, training, watch=Watch((), tmp_path))
    assert resumed.loss == fit(whole, task, training).loss


def test_test_links_change_no_bit_of_what_is_found(links):
    other = links.clone()
    other.test_pos = links.val_neg[:, :20]
    other.test_neg = links.val_neg.flip(0)
    other.repeats = True
    for search in (
        Dense(Training(epochs=4)),
        Teddy(training=Training(epochs=4), distillation=0.0),
        OneShot(training=Training(epochs=4)),
    ):
        one, two = (search.search(factory, data, seed=1) for data in (links, other))
        for name, weight in one.trained.items():
            assert torch.equal(weight, two.trained[name]), name


def test_validation_links_change_the_epoch_alone(links):
    other = links.clone()
    other.val_pos = links.val_pos.flip(1)[:, :10]
    courses = []
    for data in (links, other):
        torch.manual_seed(0)
        task = Task.from_data(data)
        courses.append(fit(factory(), task, Training(epochs=4)))
    assert courses[0].loss == courses[1].loss


@pytest.mark.parametrize('search', [UGS, Teddy], ids=['ugs', 'teddy'])
def test_searches_run_on_links(links, search):
    training = Training(epochs=3)
    options = {'training': training} | ({'rounds': 1} if search is UGS else {})
    ticket = search(**options).search(factory, links, seed=0)
    task = Task.from_data(links)
    model, graph = ticket.apply(factory, task.graph)
    assert graph.num_edges < task.graph.num_edges
    assert 0 <= task.evaluate(model, graph).test <= 1


def test_distillation_of_a_decoder_is_refused_in_one_sentence(links):
    def net():
        return LinkNet(factory(), MLPDecoder(8))

    with pytest.raises(InputError, match='distillation=0'):
        Teddy(training=Training(epochs=1)).search(net, links)


def test_elsewhere_it_is_the_same_task(links):
    task = Task.from_data(links)
    z = torch.randn(60, 4)
    assert task.to('cpu').val_score(z) == task.val_score(z)
    assert task.device == torch.device('cpu')


def spoil(**changes):
    def change(data):
        for key, value in changes.items():
            data[key] = value

    return change


def leak_val(data):
    data.val_pos[:, 3] = data.train_pos[:, 5].flip(0)


def leak_message(data):
    link = data.test_pos[:, :1]
    data.edge_index = torch.cat([data.edge_index, link], dim=1)


def drop_negatives(data):
    del data.val_neg


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (leak_val, r'leaks.* in val.pos and in train.pos'),
        (leak_message, r'leaks.* in test.pos and among the messages of train'),
        (drop_negatives, 'has no val_neg'),
        (spoil(test_neg=torch.tensor([[0], [60]])), 'test.neg.* 60'),
        (spoil(test_neg=torch.zeros(3, 4)), r'test_neg has to have 2 rows.*\[3, 4\]'),
        (spoil(metric='accuracy'), "'accuracy'"),
        (spoil(metric='hits@0'), "'hits@0'|got 0"),
        (spoil(metric='mrr'), "val_neg has to have 20 rows under 'mrr'"),
    ],
)
def test_bad_links_get_one_error(links, change, message):
    change(links)
    with pytest.raises(InputError, match=message):
        Task.from_data(links)


def test_real_ddi_learns_and_evaluates(real):
    task = dataclasses.replace(Task.from_data(real('ogbl-ddi')), out_channels=4)
    torch.manual_seed(0)
    net = LearnedFeatures(accelerate(GCN(4, 4, 1, 4)), 4267, 4)
    course = fit(net, task, Training(epochs=2, weight_decay=0.0))
    assert course.loss[1] < course.loss[0]
    scores = task.evaluate(net)
    assert 0 <= scores.val <= 1 and 0 <= scores.test <= 1


def test_searches_that_read_features_need_some(links):
    del links.x
    links.num_nodes = 60

    def net():
        return LearnedFeatures(GCN(4, 8, 2, 8), 60, 4)

    for search in (LearnedGate, GroupSparsity):
        with pytest.raises(InputError, match='this graph has none'):
            search(training=Training(epochs=1)).search(net, links)


@pytest.mark.parametrize('score', ['snip', 'grasp', 'synflow'])
def test_weight_scores_on_links(links, score):
    def with_decoder():
        return LinkNet(factory(), MLPDecoder(8, 8, 2))

    search = OneShot(weight_score=score, training=Training(epochs=1))
    assert search.search(factory, links).weight_mask
    if score == 'synflow':
        with pytest.raises(InputError, match='no flow'):
            search.search(with_decoder, links)
    else:
        assert search.search(with_decoder, links).weight_mask


def split_task(seed=0, held=0.25, use_valedges=False, **options):
    data = csbm(60, 2, degree=8.0, homophily=0.95, signal=3.0, seed=seed)
    split = LinkSplit.from_graph(data, 0.1, 0.2, seed, use_valedges=use_valedges)
    return split, LinkTask.from_split(split, data.x, held=held, **options)


class Degrees(torch.nn.Module):
    """Two arcs into a node are two in its only channel: tells graphs apart."""

    def __init__(self):
        super().__init__()
        self.one = torch.nn.Parameter(torch.ones(1))

    def forward(self, x, edge_index):
        return self.one * torch.bincount(edge_index[1], minlength=60).view(-1, 1)


@pytest.mark.parametrize('batch_size', [None, 50])
def test_what_a_step_asks_is_none_of_its_messages(batch_size):
    split, task = split_task(batch_size=batch_size)
    sparse = remove_edges(task.graph, torch.arange(task.graph.num_edges) % 7 > 0)
    for given in (None, sparse):
        links = []
        for step, graph in task.steps(2, 5, given):
            asked = {frozenset(pair) for pair in step.train.t().tolist()}
            told = {frozenset(pair) for pair in graph.edge_index.t().tolist()}
            whole = (given or task.graph).edge_index.t().tolist()
            assert not asked & told
            assert told == {frozenset(pair) for pair in whole} - asked
            links.append(step.train.size(1))
        count = split.train.pos.size(1)
        assert links == [int(0.25 * count)] if batch_size is None else sum(links)
    drawn = [next(task.steps(*of))[0].train for of in ((2, 5), (2, 5), (3, 5), (2, 6))]
    assert torch.equal(drawn[0], drawn[1])
    assert not torch.equal(drawn[0], drawn[2])
    assert not torch.equal(drawn[0], drawn[3])


def test_with_nothing_held_all_links_are_asked_and_stay():
    split, task = split_task(held=0)
    ((step, graph),) = task.steps(0, 0)
    assert graph is None
    assert torch.equal(step.train, split.train.pos)


@pytest.mark.filterwarnings('ignore:.*score of a negative')
def test_each_part_is_scored_by_its_own_messages():
    split, task = split_task(use_valedges=True)
    net = Degrees()
    found = task.evaluate(net)
    for part, score in ((split.val, found.val), (split.test, found.test)):
        z = net(None, part.messages)
        positive, negative = (dot_product(z, pairs) for pairs in (part.pos, part.neg))
        assert score == score_links('auc', positive, negative)
    assert task.validate(net) == found.val
    late = net(None, split.test.messages)
    assert task.test_score(late) != task.test_score(net(None, split.val.messages))
    assert task.report(net, ['auc', 'ap'])['auc'] == found


def test_a_message_removed_in_training_is_removed_everywhere():
    split, task = split_task(use_valedges=True)
    mask = torch.arange(task.graph.num_edges) >= 30
    sparse = remove_edges(task.graph, mask)
    kept = set(map(tuple, sparse.edge_index.t().tolist()))
    late = set(map(tuple, split.test.messages.t().tolist()))
    early = set(map(tuple, split.train.messages.t().tolist()))
    seen = task._seen_by(split.test, sparse).edge_index
    assert set(map(tuple, seen.t().tolist())) == kept | (late - early)
    assert task._seen_by(split.val, sparse) is sparse


def test_weights_of_messages_go_with_their_part():
    split, _ = split_task(use_valedges=True)
    early = torch.rand(split.train.messages.size(1))
    late = torch.rand(split.test.messages.size(1))
    split = dataclasses.replace(
        split,
        train=dataclasses.replace(split.train, weight=early),
        val=dataclasses.replace(split.val, weight=early),
        test=dataclasses.replace(split.test, weight=late),
    )
    task = LinkTask.from_split(split, torch.rand(60, 3))
    assert torch.equal(task.graph.edge_weight, early)
    assert task._seen_by(split.val, None) is None
    assert torch.equal(task._seen_by(split.test, None).edge_weight, late)


def flipped(part):
    """Half of the links and of the others have changed sides."""
    half = part.pos.size(1) // 2
    pos = torch.cat([part.neg[:, :half], part.pos[:, half:]], dim=1)
    neg = torch.cat([part.pos[:, :half], part.neg[:, half:]], dim=1)
    return dataclasses.replace(part, pos=pos, neg=neg)


@pytest.mark.parametrize('held', [0.0, 0.25])
def test_which_pairs_are_links_of_val_and_test_changes_no_weight(held):
    split, task = split_task(held=held)
    other = dataclasses.replace(split, val=flipped(split.val), test=flipped(split.test))
    weights = []
    for told in (split, other):
        torch.manual_seed(0)
        net = factory()
        task = LinkTask.from_split(told, task.graph.x, held=held)
        course = fit(net, task, Training(epochs=5), choose='last')
        weights.append(net.state_dict())
        assert len(course.val) == 5
    for name, weight in weights[0].items():
        assert torch.equal(weight, weights[1][name]), name


def test_pairs_drawn_avoid_training_links_alone():
    split, task = split_task(held=0.9)
    known = {frozenset(pair) for pair in split.train.pos.t().tolist()}
    hidden = {frozenset(pair) for pair in split.test.pos.t().tolist()}
    drawn = set()
    for epoch in range(60):
        ((step, _),) = task.steps(epoch, 0)
        drawn |= {frozenset(pair) for pair in step.draw_pairs().t().tolist()}
    assert not drawn & known
    assert len(drawn & hidden) > len(hidden) / 2  # else it would tell them


@pytest.mark.parametrize(
    'search',
    [
        Teddy(0.3, distillation=0.0, training=Training(epochs=3)),
        UGS(0.3, rounds=1, training=Training(epochs=3)),
        LearnedGate(0.3, training=Training(epochs=3)),
    ],
    ids=['teddy', 'ugs', 'gate'],
)
def test_searches_run_on_a_split(search):
    _, task = split_task()
    ticket = search.search(factory, task, seed=0)
    model, graph = ticket.apply(factory, task.graph)
    count = task.graph.num_edges // 2
    assert graph.num_edges // 2 == count - int(0.3 * count)
    assert 0 <= task.evaluate(model, graph).test <= 1


def test_a_split_that_leaks_or_does_not_fit_is_refused():
    split, task = split_task()
    leaky = dataclasses.replace(
        split, test=dataclasses.replace(split.test, pos=split.train.pos)
    )
    with pytest.raises(InputError, match='leaks'):
        LinkTask.from_split(leaky, task.graph.x)
    with pytest.raises(InputError, match='x has 5 rows'):
        LinkTask.from_split(split, task.graph.x[:5])
    with pytest.raises(InputError, match='held'):
        LinkTask.from_split(split, task.graph.x, held=1.0)
    with pytest.raises(InputError, match="'accuracy'"):
        LinkTask.from_split(split, task.graph.x, metric='accuracy')


def test_ties_with_negatives_are_told_when_the_test_is_read():
    _, task = split_task()
    flat = Degrees()
    flat.one.data.zero_()
    with pytest.warns(UserWarning, match='links have the score of a negative'):
        task.report(flat, ['hits@5'])
