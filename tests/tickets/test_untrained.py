import math
from itertools import pairwise

import pytest
import torch
from torch import nn
from torch.func import functional_call
from torch_geometric.nn import GCN, GIN

from graphsparse.engine import InputError
from graphsparse.nn import GAT, SAGE, accelerate
from graphsparse.nn.models import GCN as OurGCN
from graphsparse.pruning import Ticket, WeightMask, prunable
from graphsparse.pruning.schedules.cubic import CubicSchedule
from graphsparse.tickets import Untrained
from graphsparse.tickets.untrained import THRESHOLDS, ScoredNet, end_epoch
from graphsparse.training import Task, Training, Watch, fit

SHORT = Training(8, 0.05, 0.0, optimizer='AdamW')


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def scored(net, *final, seed=0, epochs=8, threshold='global', count='ceil'):
    schedules = [CubicSchedule(s, power=1.0) for s in final]
    return ScoredNet(net, seed, schedules, epochs, THRESHOLDS[threshold], count)


def one_row(values):
    """Six weights in a row, with these scores."""
    net = scored(nn.Linear(6, 1, bias=False), 0.5, count='nearest')
    net.scores[0].data = torch.tensor([values])
    return net.eval()


def kept(net):
    return net.masks()[0].keep['weight'].squeeze(0).tolist()


def test_the_example_of_the_released_rule():
    scores = [0.3, -0.2, 0.1, 0.5, -0.4, 0.0]
    assert kept(one_row(scores)) == [True, False, True, True, False, True]
    ours = one_row(scores)
    ours.count = 'ceil'
    assert kept(ours) == [True, False, True, True, False, False]


def test_raw_scores_decide_not_their_size():
    net = one_row([-9.0, -8.0, -7.0, 0.1, 0.2, 0.3])
    assert kept(net) == [False, False, True, True, True, True]


@pytest.mark.parametrize('coats', [1, 3])
def test_the_gradient_goes_straight_through_to_pruned_scores_too(coats):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))
    model = scored(net, *[0.5, 0.7, 0.9][:coats]).eval()
    x = torch.randn(7, 5)
    made = {n: w.detach().requires_grad_() for n, w in model.weights().items()}
    functional_call(net, made, (x,)).square().sum().backward()
    model(x).square().sum().backward()
    for (name, weight), score in zip(prunable(net).items(), model.scores, strict=True):
        assert torch.equal(score.grad, weight * made[name].grad)
        assert weight.grad is None
    first = model.scores[0].grad
    assert first[~model.masks()[0].keep['0.weight']].count_nonzero() > 0


def test_weights_are_the_seeds_bit_for_bit_and_biases_are_0(small):
    ticket = Untrained(0.4, training=SHORT).search(factory, small, seed=3)
    assert ticket.init.state is None and ticket.trained is None
    assert ticket.init.seed == 3 and ticket.init.scheme == 'kaiming_uniform'
    drawn = ticket.init.restore(factory).state_dict()
    model, _ = ticket.apply(factory, small)
    for name, parameter in model.named_parameters():
        mask = ticket.weight_mask.keep.get(name)
        if mask is None:
            assert parameter.dim() == 1 and not parameter.any()
        else:
            assert torch.equal(parameter, drawn[name] * mask)


def test_scores_train_and_weights_do_not(small):
    task = Task.from_data(small)
    model = scored(factory(), 0.5)
    weights = {n: w.clone() for n, w in model.net.state_dict().items()}
    scores = [s.detach().clone() for s in model.scores]
    fit(model, task, SHORT, project=end_epoch)
    for name, weight in model.net.state_dict().items():
        assert torch.equal(weight, weights[name])
    assert not any(
        torch.equal(*pair) for pair in zip(scores, model.scores, strict=True)
    )
    assert [n for n, p in model.named_parameters() if p.requires_grad] == [
        'scores.0',
        'scores.1',
    ]


def test_sparsity_grows_to_half_of_the_epochs_and_validation_is_final(small):
    seen = []

    def look(step):
        model = step.model
        trained = [WeightMask(m.keep).sparsity for m in model.train().masks()]
        final = model.eval().masks()[0].sparsity
        seen.append((int(model.epoch), trained[0], final))

    Untrained(0.5, training=SHORT).search(factory, small, watch=Watch((look,)))
    total = 16 * 8 + 8 * 3
    for epoch, trained, final in seen:  # at the end of an epoch the next one's is due
        wanted = min(0.5, 0.5 * epoch / 4)
        assert trained == pytest.approx(math.ceil(wanted * total) / total)
        assert final == 0.5
    assert [epoch for epoch, *_ in seen] == list(range(1, 9))


def test_powers_of_the_ramp():
    line = Untrained(0.8, power=1.0).schedules()[0]
    cubic = Untrained(0.8, power=3.0).schedules()[0]
    at_once = Untrained(0.8, gradual=False).schedules()[0]
    assert [line(t) for t in (0, 0.5, 1)] == pytest.approx([0, 0.4, 0.8])
    assert [cubic(t) for t in (0, 0.5, 1)] == pytest.approx([0, 0.7, 0.8])
    assert [at_once(t) for t in (0, 0.5, 1)] == [0.8] * 3


def test_one_threshold_serves_validation_and_the_step_that_follows(monkeypatch, small):
    asked = []
    select = type(THRESHOLDS['global']).select

    def count(self, scores, sparsity, rule):
        asked.append(sparsity)
        return select(self, scores, sparsity, rule)

    monkeypatch.setattr(type(THRESHOLDS['global']), 'select', count)
    Untrained(0.5, training=SHORT).search(factory, small)
    # Four steps of the ramp and four of the plateau, of which one finds its masks
    # made; eight validations; one for the ticket.
    assert len(asked) <= 4 + 8 + 1
    assert asked.count(0.5) <= 9


def test_masks_follow_scores_changed_in_place():
    net = one_row([0.3, -0.2, 0.1, 0.5, -0.4, 0.0])
    net.masks()
    with torch.no_grad():
        net.scores[0][0, 4] = 9.0
    assert kept(net)[4]
    net.load_state_dict(net.state_dict() | {'scores.0': torch.arange(6.0).view(1, 6)})
    assert kept(net) == [False, False, True, True, True, True]


@pytest.mark.parametrize('sparsity', [0.0, 0.3, 0.95])
def test_counts_are_exact_over_all_tensors(small, sparsity):
    ticket = Untrained(sparsity, training=SHORT).search(factory, small)
    total = 16 * 8 + 8 * 3
    assert ticket.weight_mask.num_total == total
    assert ticket.weight_mask.num_kept == total - math.ceil(sparsity * total)


def test_edge_popup_is_a_threshold_a_tensor_from_the_start(small):
    search = Untrained(0.5, training=SHORT)
    ((name, plain),) = search.baselines().items()
    assert name == 'edge_popup' and plain.baselines() == {}
    assert (plain.threshold, plain.gradual) == ('layer', False)
    seen = []

    def look(step):
        seen.append([m.keep for m in step.model.train().masks()])

    ticket = plain.search(factory, small, watch=Watch((look,)))
    for (keep,) in seen:
        assert all(int(mask.sum()) == mask.numel() // 2 for mask in keep.values())
    assert ticket.method == 'untrained' and ticket.config['threshold'] == 'layer'
    by_one = search.search(factory, small).weight_mask.keep.values()
    assert any(int(mask.sum()) != mask.numel() // 2 for mask in by_one)


def test_coats_are_nested_evenly_spaced_and_add_up(small, tmp_path):
    search = Untrained(0.4, coats=3, coat_sparsity=0.8, training=SHORT)
    assert search.sparsities() == pytest.approx([0.4, 0.6, 0.8])
    assert Untrained(0.4, coats=3).sparsities() == pytest.approx([0.4, 0.6, 0.8])
    assert Untrained(0.4, coats=2).sparsities() == pytest.approx([0.4, 0.7])
    task = Task.from_data(small)
    outs = []

    def look(step):
        outs.append(task.infer(step.model))

    ticket = search.search(factory, task, watch=Watch((look,)))
    total = 16 * 8 + 8 * 3
    coats = [ticket.weight_mask, *ticket.coats]
    for mask, sparsity in zip(coats, (0.4, 0.6, 0.8), strict=True):
        assert mask.num_kept == total - math.ceil(round(sparsity * total, 6))
    for outer, inner in pairwise(coats):
        assert all((inner.keep[n] <= outer.keep[n]).all() for n in outer.keep)
    ticket.save(tmp_path / 't.safetensors')
    model, _ = Ticket.load(tmp_path / 't.safetensors').apply(factory, small)
    drawn = ticket.init.restore(factory).state_dict()
    for name in ticket.weight_mask.keep:
        times = sum(mask.keep[name].int() for mask in coats)
        assert torch.equal(model.state_dict()[name], drawn[name] * times)
    assert torch.equal(task.infer(model), outs[ticket.facts['best_epoch']])


def test_the_file_holds_bits_and_no_weights(small, tmp_path):
    def wide():
        return GCN(16, 512, 2, 3)

    ticket = Untrained(0.5, training=Training(epochs=1)).search(wide, small)
    path = tmp_path / 't.safetensors'
    ticket.save(path)
    total = 16 * 512 + 512 * 3
    assert total / 8 < path.stat().st_size < total / 8 + 3000
    again = Ticket.load(path)
    assert again.trained is None and again.init.state is None


@pytest.mark.parametrize('init', ['kaiming_uniform', 'signed_constant'])
def test_a_seed_is_enough_for_a_factory_and_for_a_module(small, init):
    ticket = Untrained(0.5, init=init, training=SHORT).search(factory, small, seed=7)
    torch.manual_seed(99)
    used = factory()
    a, _ = ticket.apply(factory, small)
    b, _ = ticket.apply(used, small)
    for name, tensor in a.state_dict().items():
        assert torch.equal(tensor, b.state_dict()[name])
    if init == 'signed_constant':
        weight = a.state_dict()['convs.0.lin.weight']
        mask = ticket.weight_mask.keep['convs.0.lin.weight']
        assert weight[mask].abs().unique().tolist() == pytest.approx([(2 / 16) ** 0.5])


def test_the_ticket_of_a_module_does_not_read_its_weights(small):
    torch.manual_seed(1)
    a = Untrained(0.5, training=SHORT).search(factory(), small, seed=7)
    b = Untrained(0.5, training=SHORT).search(factory, small, seed=7)
    for name, mask in a.weight_mask.keep.items():
        assert torch.equal(mask, b.weight_mask.keep[name])


def test_statistics_of_a_norm_are_kept(small, tmp_path):
    def normed():
        return GIN(16, 8, 2, 3, norm='batch_norm')

    task = Task.from_data(small)
    outs = []

    def look(step):
        outs.append(task.infer(step.model))

    search = Untrained(0.4, training=SHORT)
    ticket = search.search(normed, task, watch=Watch((look,)))
    ticket.save(tmp_path / 't.safetensors')
    model, _ = Ticket.load(tmp_path / 't.safetensors').apply(normed, small)
    assert torch.equal(task.infer(model), outs[ticket.facts['best_epoch']])
    rewound, _ = ticket.apply(normed, small, rewind=True)
    moved = [n for n, _ in model.named_buffers() if n.endswith('running_mean')]
    assert moved and any(model.get_buffer(n).any() for n in moved)
    assert not any(rewound.get_buffer(n).any() for n in moved)


def test_the_logit_scale_is_the_losss_alone(small):
    """A ReLU net without biases is homogeneous: as if the features were so large."""

    def relus():
        return OurGCN(16, 3, 8, dropout=0.0)

    task = Task.from_data(small)
    louder = small.clone()
    louder.x = 16 * small.x  # a power of 2 rounds nothing
    outs, losses = [], []
    for data, scale in ((small, 16.0), (louder, 1.0), (small, 1.0)):
        course = []
        search = Untrained(0.5, logit_scale=scale, training=SHORT)
        watch = Watch((lambda step, course=course: course.append(step.loss),))
        ticket = search.search(relus, data, watch=watch)
        losses.append(course)
        outs.append(task.infer(ticket.apply(relus, small)[0]))
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert torch.equal(outs[0], outs[1])
    assert losses[0][0] != pytest.approx(losses[2][0], rel=1e-3)


NETS = {
    'gcn of 32': lambda: OurGCN(16, 3, 8, num_layers=32, dropout=0.0),
    'gat': lambda: GAT(16, 3, 8, dropout=0.0, heads=2),
    'sage': lambda: SAGE(16, 3, 8, dropout=0.0),
    'on our kernels': lambda: accelerate(factory()),
}


@pytest.mark.parametrize('net', NETS.values(), ids=list(NETS))
def test_any_net(small, net):
    task = Task.from_data(small)
    losses, vals = [], []

    def look(step):
        losses.append(step.loss)
        vals.append(step.val)

    watch = Watch((look,))
    training = Training(40, 0.05, 0.0, optimizer='AdamW')
    ticket = Untrained(0.1, training=training).search(net, task, watch=watch)
    model, _ = ticket.apply(net, task.graph)
    attention = [n for n in ticket.weight_mask.keep if 'att' in n]
    assert len(attention) == sum(p.dim() == 3 for p in model.parameters())
    assert task.evaluate(model).val == pytest.approx(max(vals))
    assert min(losses) < losses[0]


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'weight_sparsity': 1.0}, r'weight_sparsity .* \(got 1\.0\)'),
        ({'init': 'kaiming'}, "'kaiming'"),
        ({'threshold': 'local'}, "'local'"),
        ({'logit_scale': float('inf')}, r'logit_scale .* \(got inf\)'),
        ({'power': 0.0}, r'power .* \(got 0\.0\)'),
        ({'coats': 0}, r'coats .* \(got 0\)'),
        ({'coats': 1.5}, r'coats .* \(got 1\.5\)'),
        ({'coats': 2, 'threshold': 'layer'}, "threshold='global'"),
        ({'coats': 2, 'coat_sparsity': 0.9}, r'coat_sparsity .*got 0\.9'),
        ({'coat_sparsity': 0.95}, 'coats=1'),
        ({'count': 'round'}, "'round'"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        Untrained(**options)
