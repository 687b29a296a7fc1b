import math
import time

import numpy as np
import pytest
import torch
from torch_geometric.nn import GAT, GCN, GIN
from torch_geometric.utils import get_laplacian, to_dense_adj

from graphsparse.data import csbm
from graphsparse.engine import InputError
from graphsparse.evaluation import effective_rank, mean_average_distance
from graphsparse.nn import RewiredGCN
from graphsparse.rewiring import FlowRecorder, outputs
from graphsparse.tickets import Rigl
from graphsparse.training import Task, Training, Watch, fit

MODELS = {
    'gcn': lambda: GCN(16, 8, 3, 3, dropout=0.5, norm='batch'),
    'gat': lambda: GAT(16, 8, 2, 3, heads=2, dropout=0.5),
    'gin': lambda: GIN(16, 8, 2, 3),
    'rewired': lambda: RewiredGCN(16, 3, 8, 4),
}


def make(name):
    torch.manual_seed(0)
    return MODELS[name]()


def bits(model):
    return [t.clone() for t in model.state_dict().values()]


@pytest.mark.parametrize('name', MODELS)
def test_the_training_does_not_feel_it(name, small):
    task, states = Task.from_data(small), []
    for recorded in (False, True):
        model = make(name)
        recorder = FlowRecorder(task, every=1)
        watch = Watch((recorder,) if recorded else ())
        course = fit(model, task, Training(epochs=4), watch=watch)
        states.append([*bits(model), torch.tensor(course.loss)])
        assert not any(m._forward_hooks or m._backward_hooks for m in model.modules())
    assert all(torch.equal(a, b) for a, b in zip(*states, strict=True))
    flow = recorder.flow()
    assert flow.epochs.tolist() == flow.probed.tolist() == [0, 1, 2, 3]
    shape = (4, len(flow.layers))
    assert flow.gradient.shape == flow.energy.shape == flow.rank.shape == shape
    assert (flow.gradient > 0).all() and (flow.energy > 0).all()


def test_gradients_are_those_of_the_step(small):
    """Against a training written by hand, with autograd's own gradients."""
    task, model = Task.from_data(small), make('rewired')
    recorder = FlowRecorder(task, every=0)
    fit(model, task, Training(epochs=5), seed=4, watch=Watch((recorder,)))
    twin, norms = make('rewired').train(), []
    torch.manual_seed(4)
    optimizer = torch.optim.Adam(twin.parameters(), lr=0.01, weight_decay=5e-4)
    for _ in range(5):
        loss = task.train_loss(task.predict(twin))
        weights = [conv.lin.weight for conv in twin.convs]
        grads = torch.autograd.grad(loss, list(twin.parameters()), retain_graph=True)
        by_id = {id(p): g for p, g in zip(twin.parameters(), grads, strict=True)}
        norms.append([float(np.linalg.norm(by_id[id(w)].numpy())) for w in weights])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    flow = recorder.flow()
    np.testing.assert_allclose(flow.gradient.numpy(), norms, rtol=1e-5)
    assert flow.energy.shape == (0, 4) and flow.probed.tolist() == []


def test_outputs_are_measured_as_defined(small):
    task, model = Task.from_data(small), make('rewired')
    recorder = FlowRecorder(task, every=2)
    last = {}

    def look(step):
        if step.epoch == 2:
            with torch.no_grad():
                net = step.model.eval()
                last['z'] = net.forward_with_layers(small.x, small.edge_index)[1]

    fit(model, task, Training(epochs=4), watch=Watch((recorder, look)))
    flow = recorder.flow()
    assert flow.probed.tolist() == [0, 2]
    parts = get_laplacian(small.edge_index, None, 'sym', num_nodes=small.num_nodes)
    laplacian = to_dense_adj(parts[0], None, parts[1], small.num_nodes)[0].double()
    for layer, z in enumerate(last['z']):
        energy = torch.trace(z.double().t() @ laplacian @ z.double())
        assert float(flow.energy[1, layer]) == pytest.approx(float(energy), rel=1e-5)
        assert float(flow.distance[1, layer]) == pytest.approx(mean_average_distance(z))
        assert float(flow.rank[1, layer]) == pytest.approx(effective_rank(z))
    neighbours = FlowRecorder(task, every=2, pairs='edges')
    model = make('rewired')
    fit(model, task, Training(epochs=4), watch=Watch((neighbours,)))
    expected = mean_average_distance(last['z'][0], pairs=small.edge_index)
    assert float(neighbours.flow().distance[1, 0]) == pytest.approx(expected)


def test_modes_hooks_and_randomness_are_put_back(small):
    task, model = Task.from_data(small), make('gcn').train()
    model.convs[0].eval()
    before = bits(model), torch.get_rng_state()
    outs = outputs(model, task)
    assert [tuple(h.shape) for h in outs.values()] == [(120, 8), (120, 8), (120, 3)]
    assert not any(h.requires_grad for h in outs.values())
    assert model.training and not model.convs[0].training and model.convs[1].training
    assert all(torch.equal(a, b) for a, b in zip(before[0], bits(model), strict=True))
    assert torch.equal(before[1], torch.get_rng_state())
    assert not any(m._forward_hooks for m in model.modules())


def test_an_error_inside_leaves_no_hook(small):
    class Broken(GCN):
        def forward(self, *args, **kwargs):
            super().forward(*args, **kwargs)
            raise ZeroDivisionError

    model = Broken(16, 8, 2, 3).train()
    with pytest.raises(ZeroDivisionError):
        outputs(model, Task.from_data(small))
    assert all(m.training and not m._forward_hooks for m in model.modules())


def test_a_conv_that_does_not_run(small):
    model = make('gcn')
    model.spare = GCN(4, 4, 1, 2)
    with pytest.raises(InputError, match=r"'spare\.convs\.0' did not run"):
        outputs(model, Task.from_data(small))


def test_a_search_is_watched_too_in_one_stage(small):
    task = Task.from_data(small)
    search = Rigl(weight_sparsity=0.5, training=Training(epochs=3))
    model = make('gcn')
    recorder = FlowRecorder(task, every=1, stage='rigl')
    search.search(model, task, watch=Watch((recorder,)))
    assert recorder.flow().layers == ('net.convs.0', 'net.convs.1', 'net.convs.2')
    other = FlowRecorder(task, stage='dense')
    search.search(model, task, watch=Watch((other,)))
    with pytest.raises(InputError, match="no epoch of stage 'dense'"):
        other.flow()


def test_without_a_name_it_is_the_first_stage(small):
    task, recorder = Task.from_data(small), None
    recorder = FlowRecorder(task, every=0)
    for stage, epochs in (('first', 2), ('second', 5)):
        training = Training(epochs=epochs)
        fit(make('gcn'), task, training, stage=stage, watch=Watch((recorder,)))
    assert recorder.stage == 'first' and recorder.flow().epochs.tolist() == [0, 1]


@pytest.mark.parametrize(
    ('options', 'message'),
    [({'every': -1}, r'got -1'), ({'pairs': 'some'}, "got 'some'")],
)
def test_bad_options(options, message, small):
    with pytest.raises(InputError, match=message):
        FlowRecorder(Task.from_data(small), **options)


def test_gradient_norms_cost_little():
    """Well under an epoch even here, where one takes but milliseconds."""
    data = csbm(2000, num_classes=3, degree=6.0, train_per_class=20, seed=1)
    task, spent = Task.from_data(data), []
    recorder = FlowRecorder(task, every=0)

    def timed(step):
        start = time.perf_counter()
        recorder(step)
        spent.append(time.perf_counter() - start)

    model = RewiredGCN(16, 3, 64, 8)
    course = fit(model, task, Training(epochs=20), watch=Watch((timed,)))
    assert math.isfinite(course.loss[-1])
    assert sorted(spent)[10] < 0.25 * course.epoch_seconds  # 5 %, and a busy machine
