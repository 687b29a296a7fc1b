import gc
import warnings
import weakref

import networkx as nx
import numpy as np
import pytest
import scipy.sparse
import torch
from hypothesis import given
from torch.testing import assert_close
from torch_geometric import EdgeIndex
from torch_geometric import utils as pyg
from torch_geometric.data import Data, HeteroData

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency, cached_adjacency, to_adjacency
from graphsparse.graph.convert import check_graph
from tests.helpers import FIVE, both_ways, densify, graphs, modest

EDGES = both_ways(FIVE)
LAYOUTS = ['to_sparse_coo', 'to_sparse_csr', 'to_sparse_csc']

pytestmark = pytest.mark.filterwarnings('ignore:Sparse')


def matrix_of(adj):
    """Row = target, column = source; weights where there are some."""
    pattern = adj.pattern('given')
    return densify(pattern, adj.values(torch.float64))


def same(adj, edge_index, weight, num_nodes):
    """Equal to the Adjacency of what PyG's own converter gives."""
    expected = to_adjacency(edge_index, num_nodes, weight)
    assert adj.digest() == expected.digest()
    assert adj.undirected == expected.undirected
    assert torch.equal(matrix_of(adj), matrix_of(expected))
    return True


def test_an_adjacency_is_left_as_it_is():
    adj = to_adjacency(EDGES, 5)
    assert to_adjacency(adj) is adj


def test_an_edge_list_does_not_tell_its_number_of_nodes():
    with pytest.raises(InputError, match='give num_nodes'):
        to_adjacency(EDGES)


def test_edge_index_of_pyg():
    weight = torch.rand(10)
    plain = to_adjacency(EDGES, 7, weight)
    adj = to_adjacency(EdgeIndex(EDGES, sparse_size=(7, 7)), edge_weight=weight)
    assert adj.digest() == plain.digest()
    assert torch.equal(adj.weight, plain.weight)
    wide = to_adjacency(EdgeIndex(EDGES, sparse_size=(7, 6)))
    assert (wide.num_src, wide.num_dst) == (7, 6)
    assert to_adjacency(EdgeIndex(EDGES), 7).digest() == plain.digest()
    with pytest.raises(InputError, match='give num_nodes'):
        to_adjacency(EdgeIndex(EDGES, sparse_size=(7, None)))
    data = Data(edge_index=EdgeIndex(EDGES), num_nodes=7)
    for each in (adj, to_adjacency(data)):
        assert all(type(t) is torch.Tensor for t in (each.col, each.rowptr))


def test_data_of_pyg():
    weight = torch.rand(10)
    data = Data(edge_index=EDGES, x=torch.ones(6, 1), edge_weight=weight)
    assert same(to_adjacency(data), EDGES, weight, 6)
    data = Data(edge_index=EDGES, num_nodes=9, edge_attr=torch.rand(10))
    assert same(to_adjacency(data), EDGES, None, 9)
    with pytest.raises(InputError, match='no edge_index'):
        to_adjacency(Data(x=torch.ones(3, 1)))


@modest
@given(graphs())
def test_torch_sparse_matrices_as_adj_t(graph):
    edge_index, num_nodes = graph
    edge_index = pyg.coalesce(edge_index, num_nodes=num_nodes)
    weight = torch.arange(edge_index.size(1)) + 1.0
    size = (num_nodes, num_nodes)
    matrix = torch.sparse_coo_tensor(edge_index.flip(0), weight, size).coalesce()
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        for layout in LAYOUTS:
            adj_t = getattr(matrix, layout)()
            assert torch.equal(
                matrix_of(to_adjacency(adj_t)), matrix.to_dense().double()
            )
            if num_nodes and layout != 'to_sparse_csc':
                theirs, value = pyg.to_edge_index(adj_t)
                assert same(to_adjacency(adj_t), theirs.flip(0), value, num_nodes)


@pytest.mark.parametrize('layout', LAYOUTS)
def test_torch_sparse_matrices_of_two_node_sets_and_their_gradient(layout):
    leaf = torch.tensor([[0.0, 2, 0, 3], [5, 0, 0, 0]], dtype=torch.float64)
    leaf.requires_grad_()
    adj = to_adjacency(getattr(leaf, layout)())
    assert (adj.num_src, adj.num_dst) == (4, 2)
    assert adj.to_edge_index().shape == (2, 3)
    (adj.weight * torch.tensor([1.0, 10, 100])).sum().backward()
    assert leaf.grad.tolist() == [[0, 1, 0, 10], [100, 0, 0, 0]]
    assert torch.equal(matrix_of(adj), leaf.detach())


def test_an_uncoalesced_matrix_keeps_its_parallel_arcs():
    ends = torch.tensor([[0, 1, 0], [1, 0, 1]])
    matrix = torch.sparse_coo_tensor(ends, torch.tensor([1.0, 2, 3]), (2, 2))
    adj = to_adjacency(matrix)
    assert torch.equal(adj.to_edge_index(), ends.flip(0))
    assert adj.with_weight(None).num_arcs == 3
    assert matrix_of(adj).tolist() == [[0.0, 4.0], [2.0, 0.0]]
    with pytest.raises(InputError, match=r'coalesce\(\) it first'):
        to_adjacency(matrix.requires_grad_())
    with pytest.raises(InputError, match='one number an entry'):
        to_adjacency(torch.sparse_coo_tensor(ends, torch.ones(3, 2), (2, 2, 2)))


@modest
@given(graphs())
def test_scipy_matrices(graph):
    edge_index, num_nodes = graph
    weight = torch.arange(edge_index.size(1)) + 1.0
    ends = tuple(edge_index.numpy())
    shape = (num_nodes, num_nodes)
    for kind in (scipy.sparse.coo_matrix, scipy.sparse.csr_array):
        matrix = kind((weight.numpy(), ends), shape=shape)
        theirs, value = pyg.from_scipy_sparse_matrix(matrix)
        assert same(to_adjacency(matrix), theirs, value, num_nodes)
    bipartite = to_adjacency(scipy.sparse.csr_matrix(np.array([[0, 4, 0], [7, 0, 0]])))
    assert (bipartite.num_src, bipartite.num_dst) == (2, 3)
    assert bipartite.weight.tolist() == [7.0, 4.0]


@pytest.mark.parametrize('kind', [nx.Graph, nx.DiGraph, nx.MultiGraph, nx.MultiDiGraph])
@pytest.mark.parametrize('weighted', [False, True])
def test_networkx_graphs(kind, weighted):
    graph = kind()
    graph.add_nodes_from('edcba')
    edges = [('a', 'b', 2.0), ('b', 'c', 3.5), ('c', 'c', 5.0), ('e', 'a', 7.0)]
    edges += [('a', 'b', 11.0)]  # once more, where the kind allows it
    for u, v, w in edges:
        graph.add_edge(u, v, **({'weight': w} if weighted else {}))
    adj, theirs = to_adjacency(graph), pyg.from_networkx(graph)
    assert adj.undirected == (not graph.is_directed())
    assert same(adj, theirs.edge_index, theirs.get('weight'), 5)
    assert adj.weight is None or adj.weight.dtype == torch.float32
    dense = nx.to_numpy_array(graph).T
    assert_close(matrix_of(adj), torch.as_tensor(dense))


def test_a_networkx_edge_without_a_weight_counts_one():
    graph = nx.path_graph(3)
    graph[0][1]['weight'] = 2
    assert to_adjacency(graph).weight.tolist() == [2.0, 2.0, 1.0, 1.0]
    empty = to_adjacency(nx.empty_graph(3))
    assert (empty.num_nodes, empty.num_arcs, empty.weight) == (3, 0, None)


@pytest.mark.parametrize(
    ('graph', 'name'),
    [(HeteroData(), 'HeteroData'), ([[0], [1]], 'list'), (None, 'None')],
)
def test_other_things_are_named(graph, name):
    with pytest.raises(InputError, match=f'from {name}.*one edge type at a time'):
        to_adjacency(graph, 5)


# Made once per tensor.


def test_known_again_until_it_is_edited():
    edge_index = EDGES.clone()
    adj = cached_adjacency(edge_index, 5)
    assert isinstance(adj, Adjacency)
    assert cached_adjacency(edge_index, 5) is adj
    assert cached_adjacency(edge_index.clone(), 5) is not adj
    edge_index[:, 0] = edge_index[:, 1].clone()
    edited = cached_adjacency(edge_index, 5)
    assert edited is not adj
    assert torch.equal(edited.to_edge_index(), edge_index)
    assert torch.equal(adj.to_edge_index(), EDGES)
    assert cached_adjacency(edge_index, 6).num_nodes == 6
    assert cached_adjacency(edge_index, (5, 6)).num_dst == 6
    with pytest.raises(InputError):
        cached_adjacency(edge_index, 2)


def test_it_goes_with_its_tensor():
    edge_index = EDGES.clone()
    alive = weakref.ref(cached_adjacency(edge_index, 5))
    gc.collect()
    assert alive() is not None
    del edge_index
    gc.collect()
    assert alive() is None


def test_tensors_of_inference_mode_are_read_anew():
    with torch.inference_mode():
        edge_index = EDGES.clone()
        adj = cached_adjacency(edge_index, 5)
        edge_index[:, 0] = edge_index[:, 1].clone()
        assert cached_adjacency(edge_index, 5).digest() != adj.digest()
    plain = EDGES.clone()
    with torch.inference_mode():
        adj = cached_adjacency(plain, 5)
    x = torch.ones(5, 1, requires_grad=True)
    (cached_adjacency(plain, 5).normalize() @ x).sum().backward()
    assert cached_adjacency(plain, 5) is adj
    assert x.grad.any()


def test_data_that_holds_an_adjacency():
    adj = to_adjacency(EDGES, 6)
    data = Data(edge_index=adj, x=torch.ones(6, 1))
    assert to_adjacency(data) is adj
    assert to_adjacency(Data(edge_index=adj)) is adj  # no x to tell the nodes
    weight = torch.rand(10)
    data.edge_weight = weight
    assert same(to_adjacency(data), EDGES, weight, 6)
    check_graph(adj, 6)
    with pytest.raises(InputError, match='no graph of the 7 nodes'):
        check_graph(adj, 7)
    with pytest.raises(InputError, match='no graph of the 6 nodes'):
        check_graph(to_adjacency(EDGES, (6, 7)), 6)
    with pytest.raises(InputError, match='go from 0 to 1'):
        check_graph(EDGES, 2)
