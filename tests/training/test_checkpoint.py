import torch

from graphsparse.training import Fit
from graphsparse.training.checkpoint import Checkpoint


def test_without_a_path_nothing_is_kept(tmp_path):
    model = torch.nn.Linear(2, 2)
    optimizer = torch.optim.Adam(model.parameters())
    checkpoint = Checkpoint(None)
    checkpoint.save(Fit(), model, optimizer, {})
    course = Fit()
    assert checkpoint.restore(course, model, optimizer) == (course, {})


def test_everything_comes_back(tmp_path):
    model = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    optimizer = torch.optim.Adam(model.parameters())
    model(torch.randn(4, 2)).square().sum().backward()
    optimizer.step()
    best = {'0.weight': torch.ones(2, 2)}
    course = Fit(loss=[0.1, 1 / 3], val=[0.5, 0.6], seconds=[1.0, 2.0], best_epoch=1)
    checkpoint = Checkpoint(tmp_path / 'stage.safetensors')
    torch.manual_seed(5)
    checkpoint.save(course, model, optimizer, best)
    expected = torch.rand(3)

    other = torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.BatchNorm1d(2))
    moments = torch.optim.Adam(other.parameters())
    again, kept = checkpoint.restore(Fit(), other, moments)
    assert again == course
    assert torch.equal(kept['0.weight'], best['0.weight'])
    assert torch.equal(torch.rand(3), expected)
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, other.state_dict()[name])
    for index, entries in optimizer.state_dict()['state'].items():
        for name, tensor in entries.items():
            assert torch.equal(moments.state_dict()['state'][index][name], tensor)
