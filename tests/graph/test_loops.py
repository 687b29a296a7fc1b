import torch

from graphsparse.graph.loops import last_of_each


def test_of_several_at_one_node_the_last():
    value = torch.tensor([1.0, 2, 3, 4, 5], requires_grad=True)
    node, last = last_of_each(torch.tensor([0, 2, 2, 2, 5]), value)
    assert node.tolist() == [0, 2, 5]
    assert last.tolist() == [1.0, 4.0, 5.0]
    last.sum().backward()
    assert value.grad.tolist() == [1.0, 0.0, 0.0, 1.0, 1.0]
    empty = torch.empty(0, dtype=torch.int64)
    assert last_of_each(empty, torch.empty(0))[0] is empty
