import torch
from torch_geometric.nn import GCN

from graphsparse.tickets import Dense
from graphsparse.training import Task, Training, fit


def test_is_a_plain_training(small):
    torch.manual_seed(4)
    model = GCN(16, 8, 2, 3, dropout=0.5)
    ticket = Dense(Training(epochs=6)).search(model, small, seed=9)
    fit(model, Task.from_data(small), Training(epochs=6), seed=9)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, ticket.trained[name])
    assert ticket.graph_sparsity == ticket.weight_sparsity == 0
    assert ticket.edge_mask is None and ticket.weight_mask is None
    assert ticket.apply_graph(small) is small
