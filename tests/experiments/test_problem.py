import pytest
import torch
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.experiments import Problem, Source, problem
from graphsparse.training import LinkTask


def test_splits_by_seed():
    assert Problem('cora').split(7) == 0
    assert Problem('texas').split(13) == 3
    assert Problem('dblp').split(13) == 13


def test_a_device_that_is_not_there():
    with pytest.raises(InputError, match="'gpu9' cannot be used"):
        Source(device='gpu9').torch_device()


def test_a_data_set_of_links_is_refused_in_one_sentence(monkeypatch):
    pairs = dict.fromkeys(('train_pos', 'val_pos', 'val_neg', 'test_pos', 'test_neg'))
    for place, key in enumerate(pairs):
        pairs[key] = torch.tensor([[place], [place + 1]])
    links = Data(edge_index=pairs['train_pos'], num_nodes=6, **pairs)
    monkeypatch.setattr(problem, 'load', lambda *_: links)
    with pytest.raises(InputError, match="'ogbl-ddi' is no set of labelled nodes"):
        Problem('ogbl-ddi').check(0)
    assert isinstance(Source('ogbl-ddi').task(0), LinkTask)
