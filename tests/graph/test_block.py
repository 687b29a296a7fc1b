import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from graphsparse.graph import Adjacency, Block
from tests.helpers import graphs, modest


@modest
@given(graphs(), st.booleans(), st.booleans(), st.randoms())
def test_rows_are_those_of_the_whole(graph, weighted, add_self_loops, random):
    edge_index, num_nodes = graph
    weight = torch.rand(edge_index.size(1)).double() if weighted else None
    adj = Adjacency.from_edge_index(edge_index, num_nodes, weight)
    if weighted:
        adj = adj.with_mask(torch.rand(adj.num_edges).double())
    targets = torch.tensor(
        random.sample(range(num_nodes), num_nodes // 2), dtype=torch.int64
    )
    block = Block.into(adj, targets)
    assert block.num_targets == targets.numel()
    assert torch.equal(block.node[: block.num_targets], targets)
    size = (block.num_targets, block.num_nodes)
    for make in (
        lambda g: g.normalize(add_self_loops, 2.0, torch.float64).to_dense(),
        dense,
    ):
        rows = make(adj)[targets]
        expected = torch.zeros(size[0], num_nodes, dtype=torch.float64)
        expected.index_add_(1, block.node, make(block)[: size[0]])
        torch.testing.assert_close(expected, rows)
    assert dense(block)[size[0] :].abs().sum() == 0


def dense(adj):
    """Edges and loops, weights and masks multiplied, row = target."""
    out = torch.zeros(adj.num_nodes, adj.num_nodes, dtype=torch.float64)
    out.index_put_((adj.row(), adj.col.long()), adj.arc_values(torch.float64), True)
    loops = adj.loop_values(torch.float64)
    return out.index_put((adj.loop, adj.loop), loops, True)


def test_moved_and_out_of_range():
    adj = Adjacency.from_edge_index(torch.tensor([[0, 1], [1, 2]]), 3)
    block = Block.into(adj, torch.tensor([2])).to('cpu')
    assert isinstance(block, Block) and block.node.tolist() == [2, 1]
    with pytest.raises(ValueError, match='got 3'):
        Block.into(adj, torch.tensor([3]))
