"""Every conv whole under torch.compile, in bfloat16, and under autocast."""

import shutil

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from graphsparse.graph import Adjacency

from .test_conv_contract import (
    CASES,
    assert_same,
    draw_graph,
    make,
    outcome,
    pyg_class,
)

SIZES = (5, 6, 8, 11, 12, 17, 20, 23, 30, 41)
CLASSES = list(dict(CASES))


@pytest.fixture(autouse=True)
def nothing_compiled():
    torch._dynamo.reset()
    yield
    torch._dynamo.reset()


def name_of(case):
    return getattr(case, '__name__', str(case))


def ready(num_nodes, kind):
    """Features and a graph with loops or without, one way or both."""
    edge_index, _, x = draw_graph(num_nodes, kind, num_nodes, 3 * num_nodes)
    loops = torch.arange(3).expand(2, -1)
    edge_index = edge_index[:, edge_index[0] != edge_index[1]]
    if kind == 'directed':
        edge_index = torch.cat([edge_index, loops], 1)
    return x, Adjacency.from_edge_index(edge_index, num_nodes).prepare()


def assert_compiles(conv, kind, sizes=SIZES, backend='aot_eager', tol=1e-12):
    """Equal to eager, forward and backward, and compiled for one size and for any."""
    counter = CompileCounterWithBackend(backend)
    compiled = torch.compile(conv, fullgraph=True, backend=counter)
    compiled.parameters = conv.parameters
    for num_nodes in sizes:
        x, adj = ready(num_nodes, kind)
        found = []
        for run in (compiled, conv):
            torch.manual_seed(num_nodes)  # of dropout
            found.append(outcome(run, x, adj))
        assert_same(*found, tol)
    assert counter.frame_count <= 2


@pytest.mark.parametrize(('cls', 'options'), CASES, ids=name_of)
def test_options_compile_whole(cls, options):
    assert_compiles(make(cls, options), 'undirected', SIZES[:3])


@pytest.mark.parametrize('cls', CLASSES, ids=name_of)
def test_compiles_whole_over_a_raw_edge_index(cls):
    conv, (edge_index, _, x) = make(cls, {}), draw_graph(0, 'directed')
    raw = torch.compile(conv, fullgraph=True, backend='eager')
    torch.testing.assert_close(raw(x, edge_index), conv(x, edge_index))


@pytest.mark.parametrize('kind', ['directed', 'undirected'])
@pytest.mark.parametrize('training', [True, False])
@pytest.mark.parametrize('cls', CLASSES, ids=name_of)
def test_compiles_once_for_any_size(cls, training, kind):
    conv = make(cls, {})
    if hasattr(conv, 'dropout'):
        conv.dropout = 0.5
    assert_compiles(conv.train(training), kind)


def assert_near(a, b):
    """Up to some roundings of bfloat16."""
    tol = 0.1 * float(b.abs().max())
    torch.testing.assert_close(a.float(), b.float(), rtol=0, atol=tol)


@pytest.mark.skipif(not shutil.which('g++'), reason='Inductor needs a C++ compiler')
@pytest.mark.parametrize('cls', CLASSES, ids=name_of)
def test_inductor(cls):
    assert_compiles(make(cls, {}), 'undirected', SIZES[:3], 'inductor')


@pytest.mark.parametrize(('cls', 'options'), CASES, ids=name_of)
def test_bfloat16_is_close_to_float32(cls, options):
    x, adj = ready(30, 'undirected')
    narrow = outcome(make(cls, options).bfloat16(), x.bfloat16(), adj)
    rounded = make(cls, options).bfloat16().float()
    wide = outcome(rounded, x.bfloat16().float(), adj)
    for a, b in zip(narrow, wide, strict=True):
        assert a.dtype == torch.bfloat16
        assert_near(a, b)


@pytest.mark.parametrize('share', [1.0, 0.02], ids=['dense', 'bag of words'])
@pytest.mark.parametrize(('cls', 'options'), CASES, ids=name_of)
def test_autocast_is_of_the_types_of_pyg(cls, options, share):
    ours, theirs = (make(c, options).float() for c in (cls, pyg_class(cls)))
    edge_index, _, x = draw_graph(6, 'undirected', 60, 120)
    x = x.float() * (torch.rand(x.shape) < share)
    with torch.autocast('cpu', torch.bfloat16):
        found, wanted = [ours(x, edge_index)], [theirs(x, edge_index)]
        if share == 1:  # among zeros, an extreme has many and its gradient is split
            found += outcome(ours, x, edge_index)
            wanted += outcome(theirs, x, edge_index)
    for a, b in zip(found, wanted, strict=True):
        assert a.dtype == b.dtype
        assert_near(a, b)
