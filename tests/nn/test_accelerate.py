from __future__ import annotations

import copy
import gc

import pytest
import torch
from torch_geometric import nn as pyg

from graphsparse import InputError
from graphsparse import nn as ours
from graphsparse.engine import find
from graphsparse.graph import Adjacency
from graphsparse.nn import SparseConv, accelerate, with_soft_masks

N, IN = 12, 5


@pytest.fixture
def graph():
    generator = torch.Generator().manual_seed(0)
    half = torch.randint(0, N, (2, 15), generator=generator)
    return torch.cat([half, half.flip(0)], 1)


@pytest.fixture
def x():
    generator = torch.Generator().manual_seed(1)
    return torch.randn(N, IN, generator=generator, dtype=torch.float64)


def convs_of(model):
    return [m for m in model.modules() if isinstance(m, pyg.MessagePassing)]


MODELS = {
    'GCN': lambda: pyg.GCN(IN, 8, 3, 4, norm='batch'),
    'GraphSAGE': lambda: pyg.GraphSAGE(IN, 8, 2, 4, jk='cat'),
    'GraphSAGE max': lambda: pyg.GraphSAGE(IN, 8, 2, 4, aggr='max', project=True),
    'GIN': lambda: pyg.GIN(IN, 8, 2, 4, train_eps=True),
    'GAT': lambda: pyg.GAT(IN, 8, 2, 4, heads=2, residual=True),
    'Sequential': lambda: pyg.Sequential(
        'x, edge_index',
        [
            (pyg.GCNConv(IN, 8), 'x, edge_index -> x'),
            torch.nn.ReLU(),
            (pyg.GATConv(8, 4), 'x, edge_index -> x'),
        ],
    ),
    'a conv': lambda: pyg.SAGEConv(IN, 4),
}


@pytest.fixture(params=MODELS.values(), ids=MODELS)
def model(request):
    torch.manual_seed(0)
    return request.param().double()


def test_same_outputs_gradients_and_state(model, graph, x):
    fast = accelerate(model)
    assert {type(c) for c in convs_of(fast)} <= set(find(SparseConv).values())
    assert list(fast.state_dict()) == list(model.state_dict())
    wanted, out = model(x, graph), fast(x, graph)
    torch.testing.assert_close(out, wanted, rtol=1e-10, atol=1e-10)
    wanted.square().sum().backward()
    out.square().sum().backward()
    for mine, theirs in zip(fast.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, theirs.grad, rtol=1e-10, atol=1e-10)
    fast.load_state_dict(model.state_dict())


def test_takes_an_adjacency(model, graph, x):
    fast = accelerate(model).eval()
    adj = Adjacency.from_edge_index(graph, N)
    torch.testing.assert_close(fast(x, adj), model.eval()(x, graph))


def test_the_model_is_not_changed(model, graph, x):
    before = copy.deepcopy(model.state_dict())
    classes = [type(m) for m in model.modules()]
    fast = accelerate(model)
    with torch.no_grad():
        for parameter in fast.parameters():
            parameter.add_(1)
    assert [type(m) for m in model.modules()] == classes
    assert all(torch.equal(before[n], t) for n, t in model.state_dict().items())


def test_weights_are_handed_on(graph, x):
    model = pyg.GCN(IN, 8, 2, 4).double()
    weight = torch.rand(graph.size(1)).double()
    wanted = model(x, graph, edge_weight=weight)
    fast = accelerate(model)
    torch.testing.assert_close(fast(x, graph, edge_weight=weight), wanted)
    adj = Adjacency.from_edge_index(graph, N, weight)
    torch.testing.assert_close(fast(x, adj), wanted)


def test_shared_modules_stay_shared_and_own_subclasses_stay(graph, x):
    class Mine(pyg.GCNConv):
        pass

    shared = pyg.GCNConv(IN, IN)
    model = torch.nn.ModuleList([shared, shared, Mine(IN, IN), pyg.GATv2Conv(IN, 2)])
    fast = accelerate(model)
    assert fast[0] is fast[1] and type(fast[0]) is ours.GCNConv
    assert type(fast[2]) is Mine and type(fast[3]) is pyg.GATv2Conv


def test_accelerated_twice_is_accelerated_once(graph, x):
    fast = accelerate(accelerate(pyg.GCN(IN, 8, 2, 4)))
    assert {type(c) for c in convs_of(fast)} == {ours.GCNConv}


def test_several_edge_types(graph, x):
    model = pyg.HeteroConv(
        {
            ('a', 'to', 'b'): pyg.SAGEConv((-1, -1), 4),
            ('b', 'in', 'b'): pyg.GCNConv(IN, 4),
        }
    )
    model, nodes = model.double(), {'a': x[:7], 'b': x}
    edges = {
        ('a', 'to', 'b'): torch.tensor([[0, 6, 2], [11, 3, 3]]),
        ('b', 'in', 'b'): graph,
    }
    wanted = model(nodes, edges)['b']
    fast = accelerate(model)
    assert {type(c) for c in fast.convs.values()} == {ours.SAGEConv, ours.GCNConv}
    torch.testing.assert_close(fast(nodes, edges)['b'], wanted)


def test_a_new_conv_is_covered_as_soon_as_it_is_defined(graph, x):
    class GraphConv(SparseConv, pyg.GraphConv):
        def forward(self, x, edge_index):
            return x

    assert type(accelerate(pyg.GraphConv(IN, IN))) is GraphConv
    del GraphConv
    gc.collect()  # or other tests would find it


def test_training_learns_the_same(graph, x):
    torch.manual_seed(0)
    model = pyg.GCN(IN, 8, 2, 4).double()
    losses = []
    for net in (accelerate(model), model):
        optimizer = torch.optim.Adam(net.parameters(), 0.05)
        for _ in range(20):
            optimizer.zero_grad()
            loss = net(x, graph).square().mean()
            loss.backward()
            optimizer.step()
        losses.append(float(loss))
    assert losses[0] == pytest.approx(losses[1], rel=1e-8)


def test_what_is_no_module_is_an_error():
    with pytest.raises(InputError, match='got dict'):
        accelerate({})


def test_a_copy_whose_convs_all_know_soft_masks():
    model = pyg.GCN(4, 8, 2, 3)
    masked = with_soft_masks(model)
    assert type(masked.convs[0]) is not type(model.convs[0])
    with pytest.raises(InputError, match='SimpleConv knows no soft masks'):
        with_soft_masks(pyg.SimpleConv())
