"""ogbl-ddi: GraphSAGE or GCN on learned features, to the form of the leaderboard.

    python examples/ogb/link.py
    python examples/ogb/link.py --model gcn --graph_sparsity 0.3

Nets and training are those of OGB's own example, less its clipping of gradients:
nodes have no features but an embedding of 256, two layers, a net on the product of
both ends, 1,421,057 parameters (GCN: 1,289,985), 200 epochs in batches of 65,536.
"""

from typing import Literal

import torch
from jsonargparse import auto_cli
from torch_geometric.nn import GCN, GraphSAGE

from graphsparse import (
    LearnedFeatures,
    LinkNet,
    LinkTask,
    MLPDecoder,
    SubmissionForm,
    Teddy,
    Training,
    accelerate,
    load,
)

NETS = {'sage': GraphSAGE, 'gcn': GCN}


def main(
    model: Literal['sage', 'gcn'] = 'sage',
    dataset: str = 'ogbl-ddi',
    graph_sparsity: float = 0.0,
    weight_sparsity: float = 0.0,
    hidden_channels: int = 256,
    num_layers: int = 2,
    batch_size: int = 64 * 1024,
    epochs: int = 200,
    seeds: int = 10,
    device: str = 'cpu',
) -> None:
    data = load(dataset)
    # Messages go along training links alone: where a validation or test link is among
    # them, this is an error. Hits@20 is that of OGB's Evaluator.
    task = LinkTask.from_links(data, batch_size=batch_size).to(device)
    sizes = (hidden_channels, hidden_channels, num_layers)

    def make_net() -> torch.nn.Module:
        convs = accelerate(NETS[model](*sizes, dropout=0.5))
        embedded = LearnedFeatures(convs, data.num_nodes, hidden_channels)
        return LinkNet(embedded, MLPDecoder(*sizes, dropout=0.5))

    # A sparse graph passes fewer messages; what is learned is all training links.
    search = Teddy(
        graph_sparsity,
        weight_sparsity,
        distillation=0.0,
        training=Training(epochs, lr=0.005, weight_decay=0.0, ties='first'),
    )
    found = []
    for seed in range(seeds):
        ticket = search.search(make_net, task, seed=seed)
        net, graph = ticket.apply(make_net, task.graph)
        found.append(task.evaluate(net.to(device), graph))
        val, test = found[-1]
        print(f'seed {seed}, {ticket}: validation {val:.4f}, test {test:.4f}')
    method = NETS[model].__name__
    if graph_sparsity or weight_sparsity:
        method += ', TEDDY'
    print(SubmissionForm.of(method, dataset, task.metric, found, net))


if __name__ == '__main__':
    auto_cli(main)
