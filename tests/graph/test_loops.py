import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.graph import Adjacency
from graphsparse.graph.loops import last_of_each, merge_loops
from tests.helpers import graphs, modest


@modest
@given(graphs(loops=False), st.randoms(use_true_random=False))
def test_set_into_sorted_rows(graph, random):
    adj = Adjacency.from_edge_index(*graph)
    node = sorted(random.choices(range(adj.num_nodes), k=5)) if adj.num_nodes else []
    place = torch.arange(adj.num_arcs, dtype=torch.int32)
    loops = torch.tensor(node, dtype=torch.int64)
    rowptr, col, perm = merge_loops(adj.rowptr, adj.col, place, loops)
    assert (rowptr.dtype, col.dtype, perm.dtype) == (torch.int64, *[torch.int32] * 2)
    row = [*adj.row().tolist(), *node]
    entries = zip(row, [*adj.col.tolist(), *node], range(len(row)), strict=True)
    ordered = sorted(entries)
    assert col.tolist() == [c for _, c, _ in ordered]
    assert perm.tolist() == [p for _, _, p in ordered]
    assert rowptr.diff().tolist() == [row.count(v) for v in range(adj.num_nodes)]


def test_of_several_at_one_node_the_last():
    value = torch.tensor([1.0, 2, 3, 4, 5], requires_grad=True)
    node, last = last_of_each(torch.tensor([0, 2, 2, 2, 5]), value)
    assert node.tolist() == [0, 2, 5]
    assert last.tolist() == [1.0, 4.0, 5.0]
    last.sum().backward()
    assert value.grad.tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]
    empty = torch.empty(0, dtype=torch.int64)
    assert last_of_each(empty, torch.empty(0))[0] is empty
