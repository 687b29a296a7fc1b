"""Every conv under torch.compile, in bfloat16 and under autocast."""

import pytest
import torch
from torch._dynamo.testing import CompileCounterWithBackend

from graphsparse.graph import Adjacency

from .test_conv_contract import CASES, assert_same, draw_graph, make, outcome

SIZES = (5, 6, 8, 11, 12, 17, 20, 23, 30, 41)


@pytest.fixture(params=CASES, ids=lambda c: f'{c[0].__name__}-{c[1]}')
def case(request):
    torch._dynamo.reset()
    yield request.param
    torch._dynamo.reset()


def ready(num_nodes, kind):
    edge_index, _, x = draw_graph(num_nodes, kind, num_nodes, 3 * num_nodes)
    edge_index = edge_index[:, edge_index[0] != edge_index[1]]
    return x, Adjacency.from_edge_index(edge_index, num_nodes).prepare()


@pytest.mark.parametrize('kind', ['directed', 'undirected'])
@pytest.mark.parametrize('training', [True, False])
def test_compiles_whole_and_for_any_size(case, kind, training):
    conv, counter = make(*case).train(training), CompileCounterWithBackend('aot_eager')
    compiled = torch.compile(conv, fullgraph=True, backend=counter)
    for num_nodes in SIZES:
        x, adj = ready(num_nodes, kind)
        assert_same(outcome_of(compiled, conv, x, adj), outcome(conv, x, adj))
    assert counter.frame_count <= 2


def outcome_of(compiled, conv, x, adj):
    x = x.clone().requires_grad_()
    out = compiled(x, adj)
    weight = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).view_as(out)
    leaves = [x, *conv.parameters()]
    grads = torch.autograd.grad((out * weight).sum(), leaves, materialize_grads=True)
    return [out.detach(), *grads]
