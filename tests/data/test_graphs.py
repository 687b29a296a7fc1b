import torch
from torch_geometric.data import Data, InMemoryDataset

from graphsparse.data import GraphDataset


def test_graphs_come_out_one_by_one():
    graphs = [Data(x=torch.full((n, 2), n), y=torch.tensor([[n]])) for n in (3, 1, 2)]
    data, slices = InMemoryDataset.collate(graphs)
    split = {'train': torch.tensor([0]), 'valid': torch.tensor([1, 2])}
    dataset = GraphDataset(data, slices, split, 'roc_auc')
    assert [graph.x.size(0) for graph in dataset] == [3, 1, 2]
    assert dataset[dataset.get_idx_split()['valid']][1].y.item() == 2
    assert (len(dataset), dataset.metric) == (3, 'roc_auc')
