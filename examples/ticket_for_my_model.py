"""A ticket for a PyG model of your own, saved, read back and applied."""

import tempfile
from pathlib import Path

import torch
from torch_geometric.nn import GCNConv

from graphsparse import Task, Teddy, Ticket, Training, accelerate, load


class Net(torch.nn.Module):
    """Any module called as ``model(x, edge_index)``."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        super().__init__()
        self.first = GCNConv(in_channels, 64)
        self.last = GCNConv(64, out_channels)

    def forward(self, x, edge_index):
        return self.last(self.first(x, edge_index).relu(), edge_index)


data = load('digits')
task = Task.from_data(data)  # test labels stay in here until the end
model = accelerate(Net(data.num_features, task.out_channels))

search = Teddy(
    graph_sparsity=0.4,
    weight_sparsity=0.5,
    distillation=1.0,
    training=Training(epochs=60),
)
ticket = search.search(model, task, seed=0)
print(ticket)

path = Path(tempfile.mkdtemp()) / 'ticket.safetensors'
ticket.save(path)
sparse_model, sparse_graph = Ticket.load(path).apply(model, task.graph)
scores = task.evaluate(sparse_model, sparse_graph)
print(f'validation {scores.val:.3f}, test {scores.test:.3f}')
