import pytest
import torch
from scipy.stats import chisquare
from torch.testing import assert_close

from graphsparse.kernels import sample_layer
from tests.helpers import csr_of, random_graph

NODES = 40
TARGETS = torch.tensor([3, 17, 0, 25, 39])


def make_graph(pairs=120):
    """A CSR in which node 39 has no arcs, and values for it."""
    edge_index = random_graph(NODES - 1, pairs, undirected=False)
    rowptr, col = csr_of(edge_index, NODES)
    value = torch.rand(col.numel(), generator=torch.Generator().manual_seed(0)) + 0.2
    return rowptr, col, value.double()


def dense(rowptr, col, value, num_cols=NODES):
    """A CSR as a matrix, parallel arcs summed."""
    csr = torch.zeros(rowptr.numel() - 1, num_cols, dtype=torch.float64)
    row = torch.repeat_interleave(torch.arange(rowptr.numel() - 1), rowptr.diff())
    return csr.index_put((row, col.long()), value.double(), accumulate=True)


def squares(value, slots, col):
    """The squared norm of each column over some slots."""
    return torch.zeros(NODES, dtype=torch.float64).index_add_(
        0, col[slots].long(), value[slots] ** 2
    )


def slots_into(rowptr, targets):
    """The slots of some rows, in order."""
    return torch.cat([torch.arange(rowptr[i], rowptr[i + 1]) for i in targets.tolist()])


def equal(one, other):
    """Bit for bit, whatever the integer type."""
    return torch.equal(one.double(), other.double())


@pytest.mark.parametrize('method', ['ladies', 'fastgcn'])
@pytest.mark.parametrize('replace', [False, True])
@pytest.mark.parametrize('keep_targets', [False, True])
def test_shape_and_bits(method, replace, keep_targets, both):
    rowptr, col, value = make_graph()
    options = {'method': method, 'replace': replace, 'keep_targets': keep_targets}
    options |= {'seed': 1, 'value': value}
    results = [
        *both(sample_layer, rowptr, col, TARGETS, 8, **options),
        *both(sample_layer, rowptr, col.long(), TARGETS, 8, **options),
    ]
    for out in results:
        assert all(map(equal, out, results[0]))
        assert out.node.unique().numel() == out.node.numel()
        most = 8 + keep_targets * TARGETS.numel()
        assert out.node.numel() <= most
        assert torch.equal(col[out.slot].long(), out.node[out.col.long()])
        assert out.rowptr.numel() == TARGETS.numel() + 1
        inside = torch.isin(col[slots_into(rowptr, TARGETS)].long(), out.node)
        assert torch.equal(out.slot, slots_into(rowptr, TARGETS)[inside])
        if keep_targets:
            assert torch.equal(out.node[: TARGETS.numel()], TARGETS)
        elif not replace:
            assert out.node.numel() == 8
        if method == 'ladies':
            sums = dense(out.rowptr, out.col, out.weight, out.node.numel()).sum(1)
            assert_close(sums, (out.rowptr.diff() > 0).double())


def test_ladies_weights_are_the_papers():
    rowptr, col, value = make_graph()
    out = sample_layer(rowptr, col, TARGETS, 6, seed=0, value=value)
    share = squares(value, slots_into(rowptr, TARGETS), col)
    expected = dense(out.rowptr, col[out.slot], value[out.slot]) / share
    expected = expected.nan_to_num(0, 0, 0)
    expected /= expected.sum(1, keepdim=True).clamp(min=1e-300)
    assert_close(dense(out.rowptr, out.node[out.col.long()], out.weight), expected)


@pytest.mark.parametrize('method', ['ladies', 'fastgcn'])
@pytest.mark.parametrize('given_prob', [False, True])
def test_nodes_are_drawn_in_proportion(method, given_prob):
    rowptr, col, value = make_graph(40)
    inside = slots_into(rowptr, TARGETS)
    near = torch.zeros(NODES, dtype=torch.bool)
    near[col[inside].long()] = True
    slots = inside if method == 'ladies' else torch.arange(col.numel())
    share = squares(value, slots, col)
    prob = torch.arange(1.0, NODES + 1) if given_prob else None
    if given_prob:
        share = (prob * near if method == 'ladies' else prob).double()
    drawn = [
        sample_layer(
            rowptr, col, TARGETS, 1, seed=s, method=method, value=value, prob=prob
        ).node
        for s in range(3000)
    ]
    seen = torch.bincount(torch.cat(drawn), minlength=NODES).double()
    assert (seen[share == 0] == 0).all()
    expected = 3000 * share[share > 0] / share.sum()
    assert chisquare(seen[share > 0], expected).pvalue > 0.01


def test_fastgcn_with_replacement_is_unbiased():
    rowptr, col, value = make_graph(60)
    inside = slots_into(rowptr, TARGETS)
    ends = torch.cat([rowptr.new_zeros(1), rowptr.diff()[TARGETS].cumsum(0)])
    exact = dense(ends, col[inside], value[inside])
    samples = []
    for seed in range(2000):
        out = sample_layer(
            *(rowptr, col, TARGETS, 10),
            **{'seed': seed, 'method': 'fastgcn', 'value': value, 'replace': True},
        )
        samples.append(dense(out.rowptr, out.node[out.col.long()], out.weight))
    samples = torch.stack(samples)
    error = samples.mean(0) - exact
    spread = samples.std(0) / len(samples) ** 0.5
    assert (samples.std(0)[exact > 0] > 0).all()
    assert (error.abs() <= 5 * spread).all()


@pytest.mark.parametrize('method', ['ladies', 'fastgcn'])
def test_where_all_is_drawn_the_mean_is_exact(method):
    rowptr, col, _ = make_graph()
    out = sample_layer(rowptr, col, TARGETS, 10**6, seed=0, method=method)
    assert torch.equal(out.slot, slots_into(rowptr, TARGETS))
    degree = rowptr.diff()[TARGETS]
    mean = torch.repeat_interleave(1 / degree.float(), degree)
    assert_close(out.weight, mean)


def test_with_replacement_the_times_drawn_count():
    rowptr, col, value = make_graph()
    options = {'seed': 0, 'method': 'fastgcn', 'value': value, 'replace': True}
    out = sample_layer(rowptr, col, TARGETS, 4000, **options)
    assert out.node.numel() == col.unique().numel()
    times = squares(value, torch.arange(col.numel()), col)[out.node[out.col.long()]]
    times = out.weight / value[out.slot] * 4000 * times / value.square().sum()
    assert_close(times, times.round())
    assert times.unique().numel() > 5


def test_kept_targets_stand_with_their_own_weight():
    rowptr, col, value = make_graph(400)
    options = {'seed': 3, 'method': 'fastgcn', 'value': value}
    out = sample_layer(rowptr, col, TARGETS, 20, keep_targets=True, **options)
    drawn = sample_layer(rowptr, col, TARGETS, 20, **options).node
    assert torch.isin(TARGETS, drawn).any()
    assert set(out.node.tolist()) == {*TARGETS.tolist(), *drawn.tolist()}
    certain = out.col < TARGETS.numel()
    assert torch.isin(out.node[out.col[certain].long()], drawn).any()
    assert torch.equal(out.weight[certain], value[out.slot[certain]])
    share = squares(value, torch.arange(col.numel()), col)
    share = share[out.node[out.col.long()]] / share.sum()
    assert_close(out.weight[~certain], (value[out.slot] / (20 * share))[~certain])


def test_hops_and_seeds_draw_apart():
    rowptr, col, _ = make_graph()
    first, again, other, later = (
        sample_layer(rowptr, col, TARGETS, 6, seed=s, hop=h).node.tolist()
        for s, h in ((0, 0), (0, 0), (1, 0), (0, 1))
    )
    assert first == again
    assert first != other
    assert first != later
    assert other != later


def test_weights_carry_gradients_to_the_values():
    rowptr, col, value = make_graph()
    value.requires_grad_()
    out = sample_layer(rowptr, col, TARGETS, 8, seed=0, value=value, method='fastgcn')
    (grad,) = torch.autograd.grad(out.weight.sum(), value)
    assert_close(grad[out.slot] * value[out.slot], out.weight)
    assert grad.count_nonzero() == out.slot.numel()


def test_targets_without_arcs():
    rowptr, col, _ = make_graph()
    for keep in (False, True):
        out = sample_layer(rowptr, col, TARGETS[-1:], 4, seed=0, keep_targets=keep)
        assert out.node.tolist() == [39] * keep
        assert out.rowptr.tolist() == [0, 0]
        assert out.weight.numel() == 0


def test_bad_input_is_refused():
    rowptr, col, value = make_graph()

    def run(targets=TARGETS, num_samples=3, **options):
        sample_layer(rowptr, col, targets, num_samples, seed=0, **options)

    with pytest.raises(ValueError, match=r"'ladies' or 'fastgcn' .got 'as-gcn'"):
        run(method='as-gcn')
    with pytest.raises(ValueError, match=r'at least 1 .got 0'):
        run(num_samples=0)
    with pytest.raises(ValueError, match=r'targets has to hold .* 0 to 39 .got 40'):
        run(targets=torch.tensor([40]))
    with pytest.raises(ValueError, match=r'value has to hold one float'):
        run(value=value[1:])
    with pytest.raises(ValueError, match=r'each of the 40 nodes .got shape .39'):
        run(prob=torch.ones(39))
    with pytest.raises(ValueError, match=r'finite and at least 0 .got -1.0'):
        run(prob=-torch.ones(40))
    with pytest.raises(ValueError, match=r'finite and at least 0 .got nan'):
        run(value=value * float('nan'))
