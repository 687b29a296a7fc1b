"""What every conv of ours has to hold, whatever it computes."""

import copy
import inspect
from itertools import combinations
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch.autograd import gradcheck
from torch_geometric.nn import MessagePassing

from graphsparse.engine import find
from graphsparse.graph import Adjacency
from graphsparse.nn import SparseConv

IN, OUT = 3, 2
OPTIONS = {
    'gcn': [{}, {'normalize': False}, {'add_self_loops': False}, {'improved': True}],
    'gin': [{}, {'aggr': 'mean', 'train_eps': True}, {'aggr': 'max'}],
    'sage': [{}, {'aggr': 'sum'}, {'aggr': 'max', 'project': True}, {'aggr': 'min'}],
    'gat': [{'heads': 2}, {'add_self_loops': False, 'concat': False, 'heads': 2}],
}
CASES = [
    (cls, options)
    for name, cls in find(SparseConv).items()
    if cls.__module__.startswith('graphsparse.')
    for options in OPTIONS.get(name, [{}])
]


def make(cls, options):
    """A conv in float64, the same for the same class and options."""
    torch.manual_seed(0)
    takes_net = 'nn' in inspect.signature(cls).parameters
    sizes = [torch.nn.Linear(IN, OUT)] if takes_net else [IN, OUT]
    return cls(*sizes, **options).double()


def pyg_class(cls):
    return next(
        base
        for base in cls.__bases__
        if issubclass(base, MessagePassing) and not issubclass(base, SparseConv)
    )


@pytest.fixture(scope='module', params=CASES, ids=lambda c: f'{c[0].__name__}-{c[1]}')
def conv(request):
    return make(*request.param)


def draw_graph(seed, kind, num_nodes=7, num_edges=9):
    """Random arcs with loops and copies, one way or both, some nodes left alone."""
    generator = torch.Generator().manual_seed(seed)
    edge_index = torch.randint(0, num_nodes - 1, (2, num_edges), generator=generator)
    if kind == 'undirected':
        other = edge_index[:, edge_index[0] != edge_index[1]].flip(0)
        edge_index = torch.cat([edge_index, other], 1)
    edge_index = edge_index[:, torch.randperm(edge_index.size(1), generator=generator)]
    weight = torch.rand(edge_index.size(1), generator=generator).double() + 0.1
    adj = Adjacency.from_edge_index(edge_index, num_nodes, weight)
    x = torch.randn(num_nodes, IN, generator=generator).double()
    return edge_index, adj, x


def outcome(conv, x, graph):
    """Output and gradients of x and the parameters."""
    x = x.clone().requires_grad_()
    out = conv(x, graph)
    weight = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).view_as(out)
    leaves = [x, *conv.parameters()]
    grads = torch.autograd.grad((out * weight).sum(), leaves, materialize_grads=True)
    return [out.detach(), *grads]


def assert_same(ours, theirs, tol=1e-12):
    for mine, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(mine, other, rtol=tol, atol=tol)


graphs = {
    'seed': st.integers(0, 10_000),
    'kind': st.sampled_from(['directed', 'undirected']),
}


@given(**graphs, share=st.sampled_from([0.0, 0.4, 0.8, 1.0]))
@settings(max_examples=15, deadline=None)
def test_masked_is_compacted(conv, seed, kind, share):
    _, adj, x = draw_graph(seed, kind)
    keep = torch.rand(adj.num_edges, generator=torch.Generator().manual_seed(seed))
    keep = keep < share
    masked = outcome(conv, x, adj.with_mask(keep.double()))
    assert_same(masked, outcome(conv, x, adj.keep_edges(keep)))


def test_a_soft_mask_is_soft(conv):
    _, adj, x = draw_graph(3, 'undirected')
    half = adj.with_mask(torch.full((adj.num_edges,), 0.5).double())
    mixed = adj.with_mask(torch.linspace(0.1, 0.9, adj.num_edges).double())
    outs = [conv(x, graph) for graph in (adj, half, mixed)]
    same = [torch.allclose(a, b) for a, b in combinations(outs, 2)]
    maximum = conv.aggr in ('max', 'min')  # is over what is there at all
    assert same == [maximum] * 3


@pytest.mark.parametrize('kind', ['directed', 'undirected'])
def test_gradient_to_a_soft_mask(conv, kind):
    _, adj, x = draw_graph(5, kind)
    mask = torch.linspace(0.15, 0.85, adj.num_edges).double().requires_grad_()
    x.requires_grad_()
    assert gradcheck(lambda m, x: conv(x, adj.with_mask(m)), (mask, x))


@given(**graphs)
@settings(max_examples=10, deadline=None)
def test_names_of_nodes_and_order_of_edges_do_not_matter(conv, seed, kind):
    edge_index, adj, x = draw_graph(seed, kind)
    generator = torch.Generator().manual_seed(seed)
    name = torch.randperm(x.size(0), generator=generator)
    order = torch.randperm(edge_index.size(1), generator=generator)
    renamed = Adjacency.from_edge_index(name[edge_index][:, order], x.size(0))
    place = name.argsort()
    out = conv(x, adj.with_weight(None))[place]
    torch.testing.assert_close(conv(x[place], renamed), out, rtol=1e-12, atol=1e-12)


def test_nothing_given_is_changed(conv):
    edge_index, adj, x = draw_graph(2, 'undirected')
    mask = torch.rand(adj.num_edges).double()
    masked = adj.with_mask(mask)
    given = [x, edge_index, mask, *adj.pattern('given'), adj.weight, masked.mask]
    given = [t for t in given if t is not None]
    before = [(t.clone(), t._version) for t in given]
    for graph in (edge_index, adj, masked):
        outcome(conv, x, graph)
    for tensor, (copied, version) in zip(given, before, strict=True):
        assert torch.equal(tensor, copied) and tensor._version == version


def test_no_edges_and_no_nodes(conv):
    for num_nodes in (4, 0):
        x = torch.randn(num_nodes, IN).double()
        edge_index = torch.zeros(2, 0, dtype=torch.int64)
        adj = Adjacency.from_edge_index(edge_index, num_nodes)
        masked = adj.with_mask(torch.ones(0).double())
        raw = outcome(conv, x, edge_index)
        assert raw[0].shape[0] == num_nodes
        for graph in (adj, masked):
            assert_same(outcome(conv, x, graph), raw)
        assert all(t.isfinite().all() for t in raw)


def test_isolated_nodes_are_finite(conv):
    edge_index = torch.tensor([[1, 2], [2, 1]])
    adj = Adjacency.from_edge_index(edge_index, 5)
    x = torch.randn(5, IN).double()
    mask = torch.zeros(1).double().requires_grad_()
    for graph in (edge_index, adj, adj.with_mask(mask)):
        assert all(t.isfinite().all() for t in outcome(conv, x, graph))
    out = conv(x, adj.with_mask(mask)).sum()
    if out.requires_grad and conv.aggr not in ('max', 'min'):
        assert torch.autograd.grad(out, mask)[0].isfinite().all()


def test_a_copy_is_the_same_and_apart(conv):
    _, adj, x = draw_graph(1, 'directed')
    twin = copy.deepcopy(conv)
    assert_same(outcome(twin, x, adj), outcome(conv, x, adj))
    before = conv(x, adj)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.add_(1)
    assert torch.equal(conv(x, adj), before)
    assert not torch.allclose(twin(x, adj), before)


@pytest.mark.parametrize(('cls', 'options'), CASES)
def test_is_pygs_conv_with_the_same_state(cls, options):
    ours, theirs = make(cls, options), make(pyg_class(cls), options)
    assert inspect.signature(cls) == inspect.signature(pyg_class(cls))
    assert list(ours.state_dict()) == list(theirs.state_dict())
    ours.load_state_dict(theirs.state_dict(), strict=True)
    assert vars(ours).keys() == vars(theirs).keys()
    assert repr(ours) == repr(theirs)
    edge_index, _, x = draw_graph(4, 'directed')
    assert_same(outcome(ours, x, edge_index), outcome(theirs, x, edge_index), 1e-10)
    theirs.__class__ = cls  # that is how `accelerate` makes one
    assert_same(outcome(theirs, x, edge_index), outcome(ours, x, edge_index))


def test_float32_equals_pyg():
    for cls, options in CASES:
        ours = make(cls, options).float()
        theirs = make(pyg_class(cls), options).float()
        edge_index, _, x = draw_graph(6, 'undirected', 60, 400)
        mine = outcome(ours, x.float(), edge_index)
        for a, b in zip(mine, outcome(theirs, x.float(), edge_index), strict=True):
            scale = b.abs().max().clamp(min=1)
            torch.testing.assert_close(a / scale, b / scale, rtol=0, atol=1e-6)


def test_runs_under_deterministic_algorithms(conv):
    _, adj, x = draw_graph(1, 'undirected')
    adj = adj.with_mask(torch.linspace(0.1, 0.9, adj.num_edges).double())
    torch.use_deterministic_algorithms(True)
    try:
        assert_same(outcome(conv, x, adj), outcome(conv, x, adj), 0)
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize('cls', dict(CASES), ids=lambda c: c.__name__)
def test_has_a_test_of_its_own(cls):
    module = Path(inspect.getfile(cls)).stem
    tests = Path(__file__).parents[1] / 'nn' / 'conv' / f'test_{module}.py'
    assert tests.exists(), f'{cls.__name__} needs {tests}'
