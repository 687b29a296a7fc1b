import torch

from graphsparse.pruning.weights.magnitude import MagnitudeScore


def test_absolute_values():
    score = MagnitudeScore()({'w': torch.tensor([[3.0, -4.0], [0.0, -0.5]])})
    assert score['w'].tolist() == [[3.0, 4.0], [0.0, 0.5]]
