import pytest
import torch

from graphsparse.engine import InputError
from graphsparse.loading import ClusterSampling, Sampling
from graphsparse.nn import ModelRecipe
from graphsparse.scaling import FullBatch, Sampled
from graphsparse.training import Training

RECIPE, TRAINING = ModelRecipe('sage', 8, 2, dropout=0.0), Training(epochs=4)


def test_with_everything_in_one_batch_it_is_the_full_batch(small):
    full = FullBatch(RECIPE, TRAINING).run(small).logits
    args = {'num_neighbors': (-1, -1), 'batch_size': 999}
    found = Sampled(RECIPE, TRAINING, 'neighbor', args).run(small)
    torch.testing.assert_close(found.logits, full, rtol=1e-3, atol=1e-4)
    one = Sampled(RECIPE, TRAINING, 'cluster', {'num_parts': 3, 'batch_parts': 3})
    torch.testing.assert_close(one.run(small).logits, full, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize('sampling', ['cluster', 'layer', 'neighbor', 'saint'])
def test_each_sampling_by_its_name(sampling, small):
    args = {'cluster': {'num_parts': 6}, 'saint': {'batch_size': 30}}.get(sampling, {})
    branch = Sampled(RECIPE, TRAINING, sampling, args)
    whole, blocks = branch.run(small), Sampled(RECIPE, TRAINING, sampling, args, 17)
    torch.testing.assert_close(blocks.run(small).logits, whole.logits)
    assert isinstance(branch.make_sampling(), Sampling)
    assert len(whole.courses['sampled'].val) == 4


def test_options_are_checked_before_anything_runs():
    with pytest.raises(InputError, match='neighbor'):
        Sampled(sampling='neighbour')
    made = Sampled(sampling='cluster', sampling_args={'num_parts': 7}).make_sampling()
    assert made == ClusterSampling(7)
