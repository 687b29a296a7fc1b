import pytest
import torch
from scipy.stats import chisquare
from torch_geometric.sampler import NegativeSampling

from graphsparse.engine import InputError
from graphsparse.loading import LinkNeighborLoader
from tests.loading.conftest import check_follow, check_streams


def make(data, links=None, **options):
    options = {'batch_size': 8, 'seed': 5, 'num_neighbors': [2, 2]} | options
    return LinkNeighborLoader(data, edge_label_index=links, **options)


@pytest.mark.parametrize('neg_sampling', [None, 'binary', 'triplet'])
def test_the_same_batches_whatever_the_workers(data, neg_sampling):
    options = {'neg_sampling': neg_sampling, 'shuffle': True}
    check_streams(lambda **more: make(data, data.edge_index[:, :40], **options, **more))


def test_binary(data):
    links = data.edge_index[:, 10:30]
    negatives = NegativeSampling('binary', amount=1.5)
    for batch in make(data, links, neg_sampling=negatives):
        check_follow(batch, data)
        size = batch.input_id.numel()
        ends = batch.n_id[batch.edge_label_index]
        assert torch.equal(ends[:, :size], links[:, batch.input_id])
        assert batch.edge_label.tolist() == [1] * size + [0] * (3 * size // 2)


def test_triplets(data):
    links = data.edge_index[:, 10:30]
    for batch in make(data, links, neg_sampling=NegativeSampling('triplet', 2)):
        check_follow(batch, data)
        ends = torch.stack([batch.src_index, batch.dst_pos_index])
        assert torch.equal(batch.n_id[ends], links[:, batch.input_id])
        assert batch.dst_neg_index.shape == (batch.input_id.numel(), 2)
        assert batch.dst_neg_index.max() < batch.num_sampled_nodes[0]


def test_labels_follow(data):
    label = torch.arange(20) % 4
    loader = make(data, data.edge_index[:, :20], edge_label=label, shuffle=True)
    for batch in loader:
        assert torch.equal(batch.edge_label, label[batch.input_id])


def test_negatives_are_uniform(data):
    loader = make(data, data.edge_index[:, :40], neg_sampling='triplet', batch_size=40)
    drawn = []
    for _ in range(60):
        (batch,) = loader
        drawn.append(batch.n_id[batch.dst_neg_index])
    assert chisquare(torch.cat(drawn).bincount(minlength=60)).pvalue > 0.01


def test_bad_input(data):
    with pytest.raises(InputError, match=r'edge_label_index\[0, 1\] is 60'):
        make(data, torch.tensor([[0, 60], [1, 2]]))
    with pytest.raises(InputError, match='empty'):
        make(data, torch.empty(2, 0, dtype=torch.int64))
    with pytest.raises(InputError, match='20 labels'):
        make(data, data.edge_index[:, :20], edge_label=torch.ones(19))
    with pytest.raises(InputError, match='disjoint=True'):
        make(data, disjoint=True)
