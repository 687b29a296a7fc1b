import pytest
import torch
from torch_geometric.data import Data

from tests.helpers import random_graph

NODES = 60


@pytest.fixture
def data():
    """An undirected graph in shuffled order, with loops and two isolated nodes."""
    pairs = random_graph(NODES - 2, 150)
    loops = torch.tensor([[0, 5], [0, 5]])
    edge_index = torch.cat([pairs, loops], 1)
    generator = torch.Generator().manual_seed(0)
    order = torch.randperm(edge_index.size(1), generator=generator)
    edge_index = edge_index[:, order]
    return Data(
        x=torch.randn(NODES, 8, generator=generator),
        y=torch.arange(NODES) % 3,
        edge_index=edge_index,
        edge_attr=torch.arange(edge_index.size(1)).double(),
        num_nodes=NODES,
    )


def same(one, other):
    """Whether two batches hold the same, bit for bit."""
    assert one.keys() == other.keys()
    for key, value in one.items():
        if isinstance(value, torch.Tensor):
            assert torch.equal(value, other[key]), key
        else:
            assert value == other[key], key
    return True


def differ(one, other):
    return one.e_id.shape != other.e_id.shape or not torch.equal(one.e_id, other.e_id)


def check_follow(batch, data):
    """Nodes, edges and what belongs to them are those of the caller."""
    assert torch.equal(batch.x, data.x[batch.n_id])
    assert torch.equal(batch.y, data.y[batch.n_id])
    assert torch.equal(batch.edge_attr, data.edge_attr[batch.e_id])
    ends = batch.n_id[batch.edge_index]
    assert torch.equal(ends, data.edge_index[:, batch.e_id])
    assert batch.num_nodes == batch.n_id.numel()


def check_streams(make):
    """Equal for any workers and threads; other batches in each epoch."""
    plain = make()
    epochs = [list(plain) for _ in range(3)]
    assert any(differ(*pair) for pair in zip(epochs[0], epochs[1], strict=True))
    state = torch.get_rng_state()
    list(make())
    assert torch.equal(torch.get_rng_state(), state)
    torch.set_num_threads(2)
    for batches in epochs[:2]:
        assert all(map(same, batches, plain_epoch(make, epochs.index(batches))))
    torch.set_num_threads(1)
    for persistent in (False, True):
        loader = make(num_workers=2, persistent_workers=persistent)
        for batches in epochs:
            assert all(map(same, batches, list(loader)))


def plain_epoch(make, epoch):
    loader = make()
    loader.epoch = epoch
    return list(loader)
