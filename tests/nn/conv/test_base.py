"""When PyG's own forward runs instead of our kernels, and that it does."""

from __future__ import annotations

import copy

import pytest
import torch
from torch_geometric import EdgeIndex
from torch_geometric import nn as pyg
from torch_geometric.nn.aggr import MaxAggregation, SumAggregation

from graphsparse import InputError
from graphsparse.graph import Adjacency
from graphsparse.nn import GATConv, GCNConv, GINConv, SAGEConv
from graphsparse.nn.conv.base import SparseConv, reduction, unserved

from .parity import FEATURES, GRAPHS, assert_parity, features, twin

CONVS = [GCNConv, GINConv, SAGEConv, GATConv]
NODES, EDGES = GRAPHS['self-loops']
X = features(NODES, FEATURES)


@pytest.fixture(params=CONVS, ids=lambda c: c.__name__)
def ours(request):
    return request.param


def sizes(cls):
    return [torch.nn.Linear(FEATURES, 3)] if cls is GINConv else [FEATURES, 3]


def why(conv, graph=EDGES, nodes=(NODES, NODES)):
    return unserved(conv, graph, nodes)


@pytest.mark.parametrize(
    ('options', 'reason'),
    [
        ({'flow': 'target_to_source'}, "flow='target_to_source'"),
        ({'aggr': 'mul'}, "aggr='mul'"),
    ],
    ids=str,
)
def test_constructor_options(ours, options, reason):
    pair = twin(ours, *sizes(ours), **options)
    assert why(pair[0]) == reason
    assert_parity(pair, X, EDGES)


def test_other_layouts_of_features_are_left_to_pyg():
    assert 'not [nodes, features]' in why(GCNConv(FEATURES, 3, node_dim=-1))
    assert 'not [nodes, features]' in why(GCNConv(FEATURES, 3), nodes=None)


def test_decomposed_layers():
    ours, theirs = twin(GCNConv, FEATURES, 4, decomposed_layers=2)
    assert why(ours) == 'decomposed_layers=2'
    assert_parity((ours, theirs), X, EDGES)
    ours.decomposed_layers = 1
    assert why(ours) is None
    assert_parity((ours, theirs), X, EDGES)


def test_explain_and_back(ours):
    pair = twin(ours, *sizes(ours))
    loops = EDGES[0] == EDGES[1]
    for conv in pair:
        conv.explain = True
        conv._edge_mask = torch.linspace(-1, 1, EDGES.size(1)).double()
        conv._loop_mask = ~loops
    assert why(pair[0]) == 'explain=True'
    assert_parity(pair, X, EDGES)
    for conv in pair:
        conv.explain = False
    assert why(pair[0]) is None
    assert why(copy.deepcopy(pair[0])) is None
    assert_parity(pair, X, EDGES)


@pytest.mark.parametrize(
    'stage', ['propagate', 'message', 'aggregate', 'message_and_aggregate']
)
@pytest.mark.parametrize('when', ['forward_pre', 'forward'])
def test_hooks_are_called(ours, stage, when):
    pair, calls = twin(ours, *sizes(ours)), []
    for conv in pair:
        register = getattr(conv, f'register_{stage}_{when}_hook')
        register(lambda *a: calls.append(1) and None)
    assert why(pair[0]) == 'message passing hooks'
    assert_parity(pair, X, EDGES)
    assert len(calls) == (0 if stage == 'message_and_aggregate' else 2)


def test_edge_update_hooks_are_called():
    pair, calls = twin(GATConv, FEATURES, 3), []
    for conv in pair:
        conv.register_edge_update_forward_hook(lambda *a: calls.append(1) and None)
    assert_parity(pair, X, EDGES)
    assert len(calls) == 2


def test_hooks_of_the_aggregation_are_called(ours):
    conv, calls = ours(*sizes(ours)).double(), []
    conv.aggr_module.register_forward_hook(lambda *a: calls.append(1) and None)
    conv(X, EDGES)
    assert calls


def doubled(x_j):
    return 2 * x_j


def test_a_method_of_a_subclass_is_called():
    class Doubled(SAGEConv):
        def message(self, x_j):
            return 2 * x_j

    class Mixin:
        def update(self, inputs):
            return 2 * inputs

    class Mixed(Mixin, SAGEConv):
        pass

    class Untouched(SAGEConv):
        def reset_parameters(self):
            super().reset_parameters()

    plain = SAGEConv(FEATURES, 3, root_weight=False, bias=False)
    for cls in (Doubled, Mixed):
        conv = cls(FEATURES, 3, root_weight=False, bias=False)
        conv.load_state_dict(plain.state_dict())
        assert why(conv) == 'a message passing method of your own'
        torch.testing.assert_close(conv(X.float(), EDGES), 2 * plain(X.float(), EDGES))
    assert why(Untouched(FEATURES, 3)) is None


def test_a_method_set_on_the_instance_is_called(ours):
    conv = ours(*sizes(ours)).double()
    conv.aggregate = lambda inputs, *args, **kwargs: torch.zeros(
        NODES, *inputs.shape[1:]
    )
    assert why(conv) == 'a message passing method of your own'
    del conv.aggregate
    assert why(conv) is None
    conv.propagate = lambda edge_index, **inputs: torch.zeros(NODES, FEATURES)
    assert why(conv) == 'a message passing method of your own'


def test_leading_batch_dimensions_equal_pyg():
    for cls in (GCNConv, GINConv, SAGEConv):
        ours, theirs = twin(cls, *sizes(cls))
        x = features(2, NODES, FEATURES)
        adj = Adjacency.from_edge_index(EDGES, NODES)
        wanted = theirs(x, EDGES)
        for graph in (EDGES, adj):
            torch.testing.assert_close(ours(x, graph), wanted)


@pytest.mark.parametrize(
    ('cls', 'options'),
    [
        (GINConv, {'aggr': 'mul'}),
        (SAGEConv, {'aggr': 'mul'}),
        (GATConv, {'aggr': 'mean', 'add_self_loops': False}),
    ],
)
def test_pyg_learns_how_many_targets_an_adjacency_has(cls, options):
    cls(*sizes(cls))  # PyG writes its methods for the first instance of a class
    conv = cls(*sizes(cls), **options)
    edge_index = torch.tensor([[0, 3, 1, 1, 2, 0], [3, 3, 0, 1, 1, 0]])
    x = (features(6, FEATURES).float(), None)
    wanted = conv(x, edge_index, size=(6, 4))
    assert wanted.shape == (4, 3)
    torch.testing.assert_close(
        conv(x, Adjacency.from_edge_index(edge_index, (6, 4))), wanted
    )


def test_sparse_matrices_equal_pyg(ours):
    pair = twin(
        ours, *sizes(ours), **({'add_self_loops': False} if ours is GATConv else {})
    )
    value = torch.rand(EDGES.size(1)).double()
    matrix = torch.sparse_coo_tensor(EDGES.flip(0), value, (NODES, NODES)).coalesce()
    for graph in (matrix, matrix.to_sparse_csr()):
        assert why(pair[0], graph) == 'a graph of type Tensor'
        assert_parity(pair, X, graph)


def test_a_matrix_of_integers_is_no_edge_index():
    assert why(GCNConv(2, 2), torch.eye(2).long().to_sparse()) is not None
    assert why(GCNConv(2, 2), torch.eye(2)) is not None


def test_edge_index_of_another_size_is_left_to_pyg():
    conv = GCNConv(FEATURES, 3).double()
    with pytest.raises(ValueError):
        conv(X, EdgeIndex(EDGES, sparse_size=(NODES + 1, NODES)))


def test_reduction_goes_by_the_module():
    assert reduction(SAGEConv(2, 2, 'add')) == 'sum'
    assert reduction(SAGEConv(2, 2, SumAggregation())) == 'sum'
    assert reduction(SAGEConv(2, 2, MaxAggregation())) == 'max'
    assert reduction(SAGEConv(2, 2, 'mul')) is None
    assert reduction(GINConv(torch.nn.Linear(2, 2), aggr=['sum'])) is None


@pytest.mark.parametrize(
    ('cls', 'options', 'inputs'),
    [
        *((cls, {'flow': 'target_to_source'}, {}) for cls in CONVS),
        *((cls, {'aggr': 'mul'}, {}) for cls in CONVS),
        (GATConv, {}, {'return_attention_weights': True}),
        (GATConv, {'edge_dim': 2}, {'edge_attr': torch.ones(EDGES.size(1), 2)}),
    ],
)
def test_a_soft_mask_never_goes_to_pyg(cls, options, inputs):
    adj = Adjacency.from_edge_index(EDGES, NODES)
    conv = cls(*sizes(cls), **options)
    masked = adj.with_mask(torch.ones(adj.num_edges))
    conv(X.float(), adj, **inputs)
    option = [*inputs, *options][0]
    with pytest.raises(InputError, match=f'{cls.__name__} with {option}.* soft mask'):
        conv(X.float(), masked, **inputs)


def test_a_trace_holds_no_graph():
    conv = GCNConv(FEATURES, 3)
    traced = torch.jit.trace(conv, (X.float(), EDGES), check_trace=False)
    other = GRAPHS['directed'][1] % NODES
    torch.testing.assert_close(traced(X.float(), other), conv(X.float(), other))


def test_adds_nothing_to_the_instance(ours):
    made, theirs = twin(ours, *sizes(ours))
    made(X, EDGES), theirs(X, EDGES)
    assert vars(made).keys() == vars(theirs).keys()
    assert issubclass(ours, SparseConv) and isinstance(made, pyg.MessagePassing)
