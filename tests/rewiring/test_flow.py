import json
import math

import pytest
import torch
from torch.nn import Linear, Module, Sequential
from torch_geometric.nn import APPNP, GAT, GCN, GIN, GCNConv

from graphsparse.engine import InputError
from graphsparse.nn import MaskedNet, accelerate
from graphsparse.rewiring import Flow, gradient_norms, layers


def some_flow():
    nan = math.nan
    return Flow(
        ('convs.0', 'convs.1'),
        torch.tensor([0, 1, 2]),
        torch.tensor([[3.0, 4.0], [0.0, 1.0], [1.0, 1.0]], dtype=torch.float64),
        torch.tensor([0]),
        torch.tensor([[1 / 3, nan]], dtype=torch.float64),
        torch.tensor([[0.25, 1e-300]], dtype=torch.float64),
        torch.tensor([[1.5, 2.0]], dtype=torch.float64),
    )


def same(a, b):
    return a.layers == b.layers and all(
        torch.equal(getattr(a, n).nan_to_num(-1), getattr(b, n).nan_to_num(-1))
        and getattr(a, n).dtype == getattr(b, n).dtype
        for n in ('epochs', 'gradient', 'probed', 'energy', 'distance', 'rank')
    )


def test_two_norms_of_the_whole():
    flow = some_flow()
    assert flow.mean_layer_norm.tolist() == [3.5, 0.5, 1.0]
    assert flow.global_norm.tolist() == pytest.approx([5.0, 1.0, math.sqrt(2)])


def test_saved_and_read_back(tmp_path):
    flow = some_flow()
    flow.save(tmp_path / 'flow.json')
    assert same(Flow.load(tmp_path / 'flow.json'), flow)
    text = (tmp_path / 'flow.json').read_text()
    facts = json.loads(text, parse_constant=pytest.fail)  # strict: no NaN in there
    assert facts['energy'] == [[1 / 3, None]] and facts['epochs'] == [0, 1, 2]


def test_nothing_looked_at_saved_and_read_back(tmp_path):
    none = torch.zeros(0, 2, dtype=torch.float64)
    flow = Flow(
        ('a', 'b'), torch.arange(1), none.new_ones(1, 2), torch.arange(0), *[none] * 3
    )
    flow.save(tmp_path / 'flow.json')
    assert same(Flow.load(tmp_path / 'flow.json'), flow)


def test_other_files_are_refused(tmp_path):
    with pytest.raises(InputError, match='No such file'):
        Flow.load(tmp_path / 'gone.json')
    for text in (
        '{',
        '{}',
        '[1]',
        json.dumps({**some_flow().to_dict(), 'rank': [[1]]}),
    ):
        (tmp_path / 'bad.json').write_text(text)
        with pytest.raises(InputError, match='holds no Flow'):
            Flow.load(tmp_path / 'bad.json')


def test_convs_of_any_model_by_name():
    for model in (GCN(4, 3, 3, 2), GAT(4, 4, 3, 2, heads=2), GIN(4, 3, 3, 2)):
        assert list(layers(model)) == ['convs.0', 'convs.1', 'convs.2']
    masked = MaskedNet(accelerate(GCN(4, 3, 2, 2)), {})
    assert list(layers(masked)) == ['net.convs.0', 'net.convs.1']

    class Nested(Module):
        def __init__(self):
            super().__init__()
            self.outer = GCNConv(4, 4)
            self.outer.inner = GCNConv(4, 4)
            self.power = APPNP(2, 0.1)  # no weights
            self.outermost = GCNConv(4, 2)

    assert list(layers(Nested())) == ['outer', 'outermost']
    with pytest.raises(InputError, match='Sequential has no conv'):
        layers(Sequential(Linear(2, 2)))


def test_norms_of_weights_without_biases():
    model = GIN(2, 2, 2, 1, train_eps=True)
    convs = layers(model)
    assert gradient_norms(convs).tolist() == [0, 0]  # none yet
    for parameter in convs['convs.0'].parameters():
        parameter.grad = torch.full_like(parameter, 2.0)
    matrices = [p for p in convs['convs.0'].parameters() if p.dim() == 2]
    assert len(matrices) == 2
    count = sum(p.numel() for p in matrices)
    norms = gradient_norms(convs)
    assert norms.tolist() == pytest.approx([2 * math.sqrt(count), 0])
    single = {'convs.0': GCNConv(3, 2)}
    single['convs.0'].lin.weight.grad = torch.full((2, 3), 2.0)
    single['convs.0'].bias.grad = torch.full((2,), 7.0)
    assert gradient_norms(single).tolist() == pytest.approx([math.sqrt(24)])


def test_tiny_gradients_do_not_vanish():
    conv = GCNConv(3, 2)
    conv.lin.weight.grad = torch.full((2, 3), 1e-30)
    norm = gradient_norms({'conv': conv})
    assert norm.tolist() == pytest.approx([math.sqrt(6) * 1e-30], rel=1e-6, abs=0)
