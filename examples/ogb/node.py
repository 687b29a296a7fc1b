"""ogbn-arxiv: a GCN of PyG, dense or sparse, to the form of the leaderboard.

    python examples/ogb/node.py
    python examples/ogb/node.py --graph_sparsity 0.3 --weight_sparsity 0.5

The net is that of OGB's own example: 3 layers of 256 with batch norm, 110,120
parameters, 500 epochs of Adam.
"""

import torch
from jsonargparse import auto_cli
from torch_geometric.nn import GCN

from graphsparse import SubmissionForm, Task, Teddy, Training, accelerate, load


def main(
    dataset: str = 'ogbn-arxiv',
    graph_sparsity: float = 0.0,
    weight_sparsity: float = 0.0,
    hidden_channels: int = 256,
    num_layers: int = 3,
    epochs: int = 500,
    seeds: int = 10,
    device: str = 'cpu',
) -> None:
    # Arcs go from the citing paper to the cited one; the net reads them both ways.
    data = load(dataset, undirected=True)
    # From here on labels stay in the task: validation picks the epoch, and the test is
    # read by evaluate() alone. Accuracy is that of OGB's Evaluator.
    task = Task.from_data(data).to(device)
    sizes = (data.num_features, hidden_channels, num_layers, task.out_channels)

    def make_net() -> torch.nn.Module:
        net = GCN(*sizes, dropout=0.5, norm='batch_norm')
        return accelerate(net)  # the same parameters and outputs, on faster kernels

    # Edges of lowest score are gone before training begins, and all but the largest
    # weights are 0 after every step. Where both sparsities are 0 this only trains.
    search = Teddy(
        graph_sparsity,
        weight_sparsity,
        distillation=0.0,
        training=Training(epochs, lr=0.01, weight_decay=0.0, ties='first'),
    )
    found = []
    for seed in range(seeds):
        ticket = search.search(make_net, task, seed=seed)
        net, graph = ticket.apply(make_net, task.graph)
        found.append(task.evaluate(net.to(device), graph))
        val, test = found[-1]
        print(f'seed {seed}, {ticket}: validation {val:.4f}, test {test:.4f}')
    method = 'GCN, TEDDY' if graph_sparsity or weight_sparsity else 'GCN'
    print(SubmissionForm.of(method, dataset, task.metric, found, net))


if __name__ == '__main__':
    auto_cli(main)
