"""Sparsify as a PyG transform, and what it leaves of a graph."""

import torch_geometric.transforms as T

from graphsparse import Adjacency, Sparsify, load, score_edges, to_adjacency

data = load('digits')
adj: Adjacency = to_adjacency(data)
print(adj)

# A score is one float an edge, in the order of data.edge_index. One scoring serves
# every sparsity; here the edges that would go first.
score = score_edges(data, 'teddy')
print('first to go:', data.edge_index[:, score.argsort()[:2]].tolist())

for sparsity in (0.2, 0.4, 0.6):
    for select in ('global', 'connected'):
        transform = T.Compose([Sparsify('teddy', sparsity=sparsity, select=select)])
        sparse = to_adjacency(transform(data))
        print(
            f'{sparsity:.0%} removed, {select:9}: {sparse.num_edges} edges, '
            f'{sparse.num_isolated()} isolated nodes'
        )
