import pytest
import torch
from hypothesis import given

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.loading.rows import Rows
from tests.helpers import FIVE, both_ways, graphs, modest


@modest
@given(graphs())
def test_every_edge_once_with_the_callers_position(graph):
    edge_index, num_nodes = graph
    if num_nodes == 0:
        with pytest.raises(InputError, match='0 nodes'):
            Rows.of(Adjacency.from_edge_index(edge_index, num_nodes))
        return
    rows = Rows.of(Adjacency.from_edge_index(edge_index, num_nodes))
    slot = torch.arange(rows.col.numel())
    target = torch.repeat_interleave(torch.arange(num_nodes), rows.rowptr.diff())
    found = edge_index[:, rows.edge_id(slot)]
    assert torch.equal(found, torch.stack([rows.col.long(), target]))
    assert rows.edge_id(slot).unique().numel() == edge_index.size(1)
    assert torch.equal(rows.by_slot(found[0].float()), found[0][rows.edge_id(slot)])


def test_a_soft_mask():
    adj = Adjacency.from_edge_index(both_ways(FIVE), 5)
    with pytest.raises(InputError, match='soft mask'):
        Rows.of(adj.with_mask(torch.ones(5)))
