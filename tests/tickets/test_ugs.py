import math
from itertools import pairwise

import pytest
import torch
from torch_geometric.nn import GAT, GCN, GIN, GraphSAGE, SimpleConv

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.graph import to_adjacency
from graphsparse.nn import accelerate
from graphsparse.pruning import Init, prunable, remove_edges
from graphsparse.tickets import UGS, Dense
from graphsparse.tickets.ugs import SoftlyMasked, draw_masks, make_optimizer
from graphsparse.training import Training, Watch
from tests.helpers import FIVE, both_ways

SHORT = Training(epochs=5)


def factory():
    return GCN(16, 8, 2, 3, dropout=0.5)


def ugs(graph=0.3, weight=0.5, rounds=3, training=SHORT, **options):
    return UGS(graph, weight, rounds, training=training, **options)


def everything(model, adj):
    edges = torch.ones(adj.num_edges, dtype=torch.bool)
    named = prunable(model)
    return edges, {n: torch.ones_like(p, dtype=torch.bool) for n, p in named.items()}


def test_the_smallest_masks_go_in_exact_number():
    """Of .9 .1 .5 .3 .7 a fifth goes: one. A weight's sign is no matter."""
    model = torch.nn.Linear(5, 1, bias=False)
    adj = to_adjacency(both_ways(FIVE), 5)
    five = torch.tensor([0.9, 0.1, 0.5, 0.3, 0.7])
    signed = torch.tensor([[0.9, 0.1, 0.5, 0.3, -0.7]])
    edges, weights = everything(model, adj)
    masked = SoftlyMasked(model, adj, five, {'weight': signed})
    kept, left = UGS(0.2, 0.2, 1).cut(masked, edges, weights, 1)
    assert kept.tolist() == [True, False, True, True, True]
    assert left['weight'].tolist() == [[True, False, True, True, True]]
    kept, left = UGS(0.3, 0.3, 1).cut(masked, edges, weights, 1)
    assert int(kept.sum()) == 4  # floor of edges
    assert int(left['weight'].sum()) == 3  # ceil of weights
    with torch.no_grad():  # an edge's mask below 0 is no edge already
        masked.edge_mask[0] = -0.9
    kept, _ = UGS(0.2, 0.2, 1).cut(masked, edges, weights, 1)
    assert kept.tolist() == [False, True, True, True, True]


def test_weights_share_one_list_and_none_that_went_comes_back():
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1))
    adj = to_adjacency(both_ways(FIVE), 5)
    weights = {
        '0.weight': torch.tensor([[True, False], [True, True]]),
        '1.weight': torch.tensor([[True, True]]),
    }
    soft = {
        '0.weight': torch.tensor([[0.5, 0.0], [0.0, 0.9]]),  # one kept is exactly 0
        '1.weight': torch.tensor([[0.2, 0.8]]),
    }
    masked = SoftlyMasked(model, adj, torch.ones(5), soft)
    _, left = UGS(0.0, 0.3, 1).cut(masked, torch.ones(5) > 0, weights, 1)
    assert left['0.weight'].tolist() == [[True, False], [False, True]]
    assert left['1.weight'].tolist() == [[True, True]]
    # A budget of five has to take the kept zero, not the pruned one.
    _, left = UGS(0.0, 0.1, 1).cut(masked, torch.ones(5) > 0, weights, 1)
    assert left['0.weight'].tolist() == [[True, False], [True, True]]


@pytest.mark.parametrize(
    ('graph', 'weight', 'rounds'),
    [
        (1 - 0.95**4, 1 - 0.8**4, 4),
        (1 - 0.95**17, 1 - 0.8**17, 17),
        (0.3366, 0.8322, 8),
        (0.0, 0.8, 7),
        (0.4, 0.0, 10),
        (0.01, 0.01, 1),
        (0.0, 0.0, 0),
    ],
)
def test_rounds_follow_from_the_sparsities(graph, weight, rounds):
    assert UGS(graph, weight).num_rounds() == rounds
    assert UGS(graph, weight, 3).num_rounds() == (3 if rounds else 0)


def watch_rounds(seen, folder=None, every=30.0):
    def look(step):
        state = {n: t.detach().clone() for n, t in step.model.state_dict().items()}
        seen.setdefault(step.stage, []).append(state)

    return Watch((look,), folder, every)


def test_rounds_are_nested_exact_and_geometric(small):
    seen = {}
    ticket = ugs().search(factory, small, watch=watch_rounds(seen))
    assert list(seen) == ['mask-1', 'mask-2', 'mask-3', 'train']
    edges = to_adjacency(small).num_edges
    total = sum(p.numel() for p in prunable(factory()).values())
    before = None
    for k in range(3):
        first = seen[f'mask-{k + 1}'][0]
        kept = 0.7 ** (k / 3)
        assert first['edge_mask'].numel() == edges - math.floor(edges * (1 - kept))
        masks = [t for n, t in first.items() if n.startswith('weight_masks')]
        flat = torch.cat([m.reshape(-1) for m in masks]) != 0
        gone = math.ceil(total * (1 - 0.5 ** (k / 3)))
        assert int(flat.sum()) == total - gone
        if before is not None:
            assert not (flat & ~before).any()
        before = flat
    assert ticket.edge_mask.num_kept == edges - math.floor(0.3 * edges)
    assert ticket.weight_mask.num_kept == total - math.ceil(0.5 * total)
    last = torch.cat([m.reshape(-1) for m in ticket.weight_mask.keep.values()])
    assert not (last & ~before).any()
    assert ticket.facts['rounds'] == 3


def test_a_longer_search_begins_with_a_shorter_one(small):
    short, long = {}, {}
    graph, weight = (lambda k: 1 - 0.95**k), (lambda k: 1 - 0.8**k)
    first = ugs(graph(2), weight(2), None)
    first.search(factory, small, watch=watch_rounds(short))
    ugs(graph(3), weight(3), None).search(factory, small, watch=watch_rounds(long))
    assert list(long) == ['mask-1', 'mask-2', 'mask-3', 'train']
    for stage in ('mask-1', 'mask-2'):
        for a, b in zip(short[stage], long[stage], strict=True):
            assert all(torch.equal(a[n], b[n]) for n in a)


def test_what_is_pruned_stays_exactly_zero_and_the_rest_moves(small):
    seen = {}
    training = Training(epochs=5, lr=0.05, weight_decay=0.1)
    search = ugs(rounds=2, training=training, edge_penalty=0.1, weight_penalty=0.1)
    ticket = search.search(factory, small, watch=watch_rounds(seen))
    names = list(prunable(factory()))
    for state in seen['mask-2']:
        for place, name in enumerate(names):
            gone = seen['mask-2'][0][f'weight_masks.{place}'] == 0
            assert gone.any()
            assert not state[f'weight_masks.{place}'][gone].any()
            assert not state[f'net.{name}'][gone].any()
    for state in seen['train']:
        for name, keep in ticket.weight_mask.keep.items():
            assert not state[name][~keep].any()
    for stage in seen.values():
        for a, b in pairwise(stage):
            for name in a:  # the gradients of all that is kept arrive
                assert not torch.equal(a[name], b[name]), name


def test_theta_is_rewound_bit_for_bit(small, monkeypatch):
    """What each stage starts from is theta_0, 0 where pruned, after real training."""
    starts = {}
    true_fit = UGS.run.__globals__['fit']

    def fit(model, *args, **kwargs):
        state = {n: t.clone() for n, t in model.state_dict().items()}
        starts[kwargs['stage']] = state
        return true_fit(model, *args, **kwargs)

    monkeypatch.setitem(UGS.run.__globals__, 'fit', fit)
    torch.manual_seed(3)
    model = factory()
    theta = model.state_dict()
    ticket = ugs(training=Training(epochs=5, lr=0.1)).search(model, small)
    assert list(starts) == ['mask-1', 'mask-2', 'mask-3', 'train']
    for number in (1, 2, 3):
        start, place = starts[f'mask-{number}'], 0
        for name, tensor in theta.items():
            expected = tensor
            if name in prunable(model):
                expected = tensor * (start[f'weight_masks.{place}'] != 0)
                place += 1
            assert torch.equal(start[f'net.{name}'], expected), name
    masked = ticket.weight_mask.apply(theta)
    assert all(torch.equal(starts['train'][n], masked[n]) for n in theta)
    again = ticket.apply(factory, small, rewind=True)[0].state_dict()
    assert all(torch.equal(again[n], masked[n]) for n in theta)


def test_masks_begin_near_one_and_keep_their_noise_over_rounds(small):
    adj = to_adjacency(small)
    model = factory()
    edges, weights = everything(model, adj)
    first = draw_masks(model, adj, edges, weights, seed=4)
    noise = (first.edge_mask.detach() - 1).abs()
    assert 0 < float(noise.max()) < 1.1e-5
    assert first.edge_mask.unique().numel() > adj.num_edges // 10
    edges[::2] = False
    later = draw_masks(model, adj, edges, weights, seed=4)
    assert torch.equal(later.edge_mask, first.edge_mask[edges])
    for name, mask in later.masks().items():
        assert torch.equal(mask, first.masks()[name])
    other = draw_masks(model, adj, edges, weights, seed=5)
    assert not torch.equal(other.edge_mask, later.edge_mask)


def test_the_penalty_adds_the_sign_and_nothing_at_zero():
    model = torch.nn.Linear(4, 1, bias=False)
    adj = to_adjacency(both_ways(FIVE), 5)
    soft = torch.tensor([[0.5, -0.2, 0.0, 3.0]])
    edge = torch.tensor([0.1, -1.0, 0.0, 2.0, 1.0])
    masked = SoftlyMasked(model, adj, edge, {'weight': soft})
    search = UGS(edge_penalty=0.25, weight_penalty=0.125)
    search.penalty(masked, torch.empty(0)).backward()
    assert torch.equal(masked.edge_mask.grad, 0.25 * edge.sign())
    assert torch.equal(masked.weight_masks[0].grad, 0.125 * soft.sign())


def test_weight_decay_is_for_theta_alone(small):
    adj = to_adjacency(small)
    model = factory()
    masked = draw_masks(model, adj, *everything(model, adj), seed=0)
    optimizer = make_optimizer(masked, Training(lr=0.1, weight_decay=0.5))
    before = {n: p.detach().clone() for n, p in masked.named_parameters()}
    for parameter in masked.parameters():
        parameter.grad = torch.zeros_like(parameter)
    optimizer.step()
    for name, parameter in masked.named_parameters():
        nothing = name.endswith('bias')  # begins at 0
        assert torch.equal(parameter, before[name]) == (
            nothing or not name.startswith('net.')
        )


def random_masks(model, adj, seed=0):
    torch.manual_seed(seed)
    edges, weights = everything(model, adj)
    edges = torch.rand(edges.shape) < 0.6
    return edges, {n: torch.rand(keep.shape) < 0.5 for n, keep in weights.items()}


@pytest.mark.parametrize('kind', [GCN, GIN, GAT, GraphSAGE])
@pytest.mark.parametrize('undirected', [True, False])
def test_hard_masks_mean_the_graph_and_the_net_without(small, kind, undirected):
    """Kept masks of 1: equal to PyG on the shorter edge list. And masks of 0 in it."""
    torch.manual_seed(0)
    model = kind(16, 8, 2, 3).double().eval()
    x = small.x.double()
    adj = to_adjacency(small)
    adj = adj if undirected else adj.as_directed()
    edges, weights = random_masks(model, adj)
    caller = adj.to_caller(edges, loops=True)
    sparse = remove_edges(small, caller).edge_index
    pruned = kind(16, 8, 2, 3).double().eval()
    state = model.state_dict()
    pruned.load_state_dict({n: t * weights.get(n, 1) for n, t in state.items()})
    expected = pruned(x, sparse)
    hard = {n: keep.double() for n, keep in weights.items()}
    ones = torch.ones(int(edges.sum()), dtype=torch.float64)
    compact = SoftlyMasked(model, adj.keep_edges(edges), ones, hard)
    zeros = SoftlyMasked(model, adj, edges.double(), hard)
    below = SoftlyMasked(model, adj, torch.where(edges, 1.0, -0.5).double(), hard)
    for masked in (compact, zeros, below):
        assert torch.allclose(masked(x, small.edge_index), expected, atol=1e-10)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, state[name])  # the net is copied


def test_soft_masks_equal_the_formula_and_differentiate_through_degrees():
    """Dense oracle: D^-1/2 (A*m + I) D^-1/2 X W*m; gradcheck to the edge masks."""
    torch.manual_seed(1)
    adj = to_adjacency(both_ways(FIVE), 5)
    net = GCN(3, 4, 1, 2).double()
    x = torch.randn(5, 3, dtype=torch.float64)
    soft = torch.rand(5, dtype=torch.float64) + 0.2
    weight = torch.rand(2, 3, dtype=torch.float64)
    masked = SoftlyMasked(net, adj, soft, {'convs.0.lin.weight': weight})
    dense = torch.eye(5, dtype=torch.float64)
    for (u, v), m in zip(FIVE, soft, strict=True):
        dense[u, v] = dense[v, u] = m
    scale = dense.sum(1).rsqrt()
    operator = scale[:, None] * dense * scale
    expected = operator @ x @ (net.convs[0].lin.weight * weight).t()
    assert torch.allclose(masked(x), expected + net.convs[0].bias)

    def out(mask):
        values = {'edge_mask': mask}
        return torch.func.functional_call(masked, values, (x,))

    soft.requires_grad_()
    assert torch.autograd.gradcheck(out, (soft,))
    # Arcs of the edge 3-4 are out of reach of node 1 but for degrees: none there;
    # edge 0-3 reaches node 1's row by the degree of its neighbour 0 alone.
    (gradient,) = torch.autograd.grad(out(soft)[1].sum(), soft)
    assert gradient[FIVE.index((0, 3))] != 0
    assert gradient[FIVE.index((3, 4))] == 0


def test_masks_below_zero_keep_everything_finite(small):
    adj = to_adjacency(small)
    model = factory()
    edges, weights = everything(model, adj)
    masked = draw_masks(model, adj, edges, weights, 0)
    with torch.no_grad():
        masked.edge_mask.fill_(-3.0)
    out = masked(small.x)
    out.sum().backward()
    assert out.isfinite().all() and masked.edge_mask.grad.isfinite().all()
    UGS().penalty(masked, out).backward()
    assert (masked.edge_mask.grad < 0).all()  # pulled back towards 0


def test_a_kill_in_the_second_round_loses_nothing(small, tmp_path):
    class Stop(Exception):
        pass

    def stop(step):
        if step.stage == 'mask-2' and step.epoch == 2:
            raise Stop

    search = ugs()
    with pytest.raises(Stop):
        search.search(factory, small, watch=Watch((stop,), tmp_path, every=0.0))
    seen = {}
    resumed = search.search(factory, small, watch=watch_rounds(seen, tmp_path))
    # The epoch that was killed at its end is done again, none before it.
    assert {stage: len(states) for stage, states in seen.items()} == {
        'mask-2': 3,
        'mask-3': 5,
        'train': 5,
    }
    whole = search.search(factory, small)
    assert torch.equal(resumed.edge_mask.keep, whole.edge_mask.keep)
    for name, keep in whole.weight_mask.keep.items():
        assert torch.equal(resumed.weight_mask.keep[name], keep)
    for name, tensor in whole.trained.items():
        assert torch.equal(resumed.trained[name], tensor)


@pytest.mark.parametrize('select', ['best', 'last'])
def test_which_epoch_is_cut_by(small, select, tmp_path):
    seen = {}
    training = Training(epochs=12, lr=0.05, ties='first')
    search = ugs(rounds=1, training=training, select=select)
    ticket = search.search(factory, small, watch=watch_rounds(seen))
    epoch = ticket.facts['mask_epochs'][0]
    assert (epoch == 11) == (select == 'last')
    soft = seen['mask-1'][epoch]['edge_mask']
    order = torch.argsort(soft, descending=True)[: ticket.edge_mask.num_kept]
    assert ticket.edge_mask.keep[order].all()
    # A finished stage that is read back is cut by the same epoch.
    for _ in range(2):
        again = search.search(factory, small, watch=Watch((), tmp_path))
        assert torch.equal(again.edge_mask.keep, ticket.edge_mask.keep)


def test_by_the_last_epoch_validation_labels_do_not_reach_the_masks(small):
    other = small.clone()
    other.y[small.val_mask] = other.y[small.val_mask].roll(1)
    a, b = (ugs(select='last').search(factory, data) for data in (small, other))
    assert torch.equal(a.edge_mask.keep, b.edge_mask.keep)
    for name, keep in a.weight_mask.keep.items():
        assert torch.equal(keep, b.weight_mask.keep[name])


def test_directed_graphs_and_untied_masks_cut_single_arcs(small):
    arcs = to_adjacency(small).num_arcs
    untied = ugs(tied=False).search(factory, small)
    assert not untied.edge_mask.undirected
    assert untied.edge_mask.num_kept == arcs - math.floor(0.3 * arcs)
    assert not to_adjacency(untied.apply_graph(small)).undirected
    one_way = small.clone()
    one_way.edge_index = small.edge_index[:, small.edge_index[0] < small.edge_index[1]]
    ticket = ugs().search(factory, one_way)
    kept = one_way.edge_index.size(1) - math.floor(0.3 * one_way.edge_index.size(1))
    assert ticket.apply_graph(one_way).edge_index.size(1) == kept


def test_twins_share_one_fate_and_loops_stay(small):
    loops = torch.arange(40).expand(2, -1)
    small.edge_index = torch.cat([small.edge_index, loops], dim=1)
    sparse = to_adjacency(ugs().search(factory, small).apply_graph(small))
    assert sparse.undirected and sparse.num_loops == 40


def test_edge_weights_are_kept_beside_the_masks(small):
    torch.manual_seed(0)
    small.edge_weight = torch.rand(small.edge_index.size(1)) + 0.1
    adj, model = to_adjacency(small), accelerate(factory()).eval()
    ones = torch.ones(adj.num_edges)
    masked = SoftlyMasked(model, adj, ones, {})
    out = masked(small.x, small.edge_index, small.edge_weight)
    expected = model(small.x, small.edge_index, small.edge_weight)
    assert torch.allclose(out, expected, atol=1e-6)
    assert not torch.allclose(out, model(small.x, small.edge_index), atol=1e-3)
    assert ugs(rounds=1).search(factory, small).graph_sparsity > 0


def test_one_side_alone(small):
    seen = {}
    weights = ugs(0.0, 0.5, 2).search(factory, small, watch=watch_rounds(seen))
    assert weights.graph_sparsity == 0 and weights.weight_sparsity > 0
    first, last = (seen['mask-2'][i]['edge_mask'] for i in (0, -1))
    assert torch.equal(first, last)
    edges = ugs(0.3, 0.0, 2).search(factory, small)
    assert edges.weight_mask is None and edges.graph_sparsity > 0
    nothing = ugs(0.0, 0.0, 2).search(factory, small)
    dense = Dense(SHORT).search(factory, small)
    for name, tensor in dense.trained.items():
        assert torch.equal(nothing.trained[name], tensor)


def test_the_ticket_is_theta_0_and_what_it_says(small):
    torch.manual_seed(0)
    model = factory()
    ticket = ugs(rounds=2).search(model, small)
    assert ticket.init.digest == Init.of(model).digest
    assert ticket.facts['rounds'] == len(ticket.facts['mask_epochs']) == 2
    assert ticket.config['edge_penalty'] == 1e-2


def test_learns_which_edges_mislead():
    """Of edges cut few, of edges kept most join nodes of one class."""
    data = csbm(150, num_classes=3, degree=8.0, train_per_class=40, seed=2)
    training = Training(epochs=20)
    search = UGS(0.3, 0.0, 1, edge_penalty=1e-3, select='last', training=training)
    ticket = search.search(lambda: GCN(data.x.size(1), 16, 2, 3), data)
    adj = to_adjacency(data)
    slot = adj.edge_slot()
    same = (data.y[adj.row()[slot]] == data.y[adj.col[slot].long()])[adj.edge()[slot]]
    kept = ticket.edge_mask.keep
    assert same[kept].float().mean() > 0.9
    assert same[~kept].float().mean() < 0.5


def test_convs_without_soft_masks_are_refused(small):
    class Net(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.lin, self.conv = torch.nn.Linear(16, 3), SimpleConv()

        def forward(self, x, edge_index):
            return self.conv(self.lin(x), edge_index)

    with pytest.raises(InputError, match='SimpleConv knows no soft masks'):
        ugs().search(Net, small)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'graph_sparsity': 1.0}, r'graph_sparsity .* \(got 1\.0\)'),
        ({'weight_sparsity': -0.1}, r'weight_sparsity .* \(got -0\.1\)'),
        ({'rounds': 0}, r'rounds .* \(got 0\)'),
        ({'edge_penalty': -1.0}, r'edge_penalty .* -1\.0'),
        ({'weight_penalty': math.nan}, r'weight_penalty .* nan'),
        ({'select': 'first'}, "'first'.*Known: best, last"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(InputError, match=message):
        UGS(**options)


def test_defaults_are_four_rounds_of_the_papers_rates():
    search = UGS()
    assert search.num_rounds() == 4
    assert search.graph_sparsity == pytest.approx(1 - 0.95**4, abs=1e-12)
    assert search.weight_sparsity == pytest.approx(1 - 0.8**4, abs=1e-12)
    assert (search.training.lr, search.training.weight_decay) == (8e-3, 8e-5)
