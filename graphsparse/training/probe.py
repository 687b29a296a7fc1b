from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor
from torch.nn import Module
from torch.nn.modules.batchnorm import _NormBase
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.nn import Reparametrized
from graphsparse.pruning import Probe
from graphsparse.pruning.prunable import is_attention
from graphsparse.training.task import Task, as_task

Weights = Mapping[str, Tensor]


def make_probe(
    model: Module, data_or_task: Data | Task, graph: Data | None = None
) -> Probe:
    """What weight scores may ask of ``model``: functions of its weights.

    The loss is taken without dropout, and batch norms use the batch's own statistics,
    since those of an untrained net are of no data. The flow runs in float64 and in
    evaluation mode on positive edge weights; attention vectors are 0 in it, which
    makes attention a mean over neighbours: with shares that depend on the weights no
    layer would conserve the flow.

    Args:
        model: Copied; never changed.
        data_or_task: Its training loss, and its graph.
        graph: A sparser graph to run on.
    """
    task = as_task(data_or_task)
    graph = task.graph if graph is None else graph
    net = copy.deepcopy(model).eval().requires_grad_(False)
    for module in net.modules():
        if isinstance(module, _NormBase):
            module.train()
    flow_net = _absolute(model)
    ones = _ones(graph)

    def loss(weights: Weights, temperature: float = 1.0) -> Tensor:
        return task.train_loss(task.predict(_Under(net, weights), graph) / temperature)

    def flow(weights: Weights) -> Tensor:
        positive = {name: weight.double().abs() for name, weight in weights.items()}
        out = task.predict(_Under(flow_net, positive), ones)
        if not isinstance(out, Tensor):
            raise InputError('A net with a decoder of its own has no flow to its end.')
        return out.sum()

    return Probe(loss, flow)


class _Under(Reparametrized):
    """A net under given weights."""

    def __init__(self, net: Module, given: Weights) -> None:
        super().__init__(net)
        self.given = given

    def weights(self) -> Weights:
        return self.given


@torch.no_grad()
def _absolute(model: Module) -> Module:
    """A copy in float64 and evaluation mode whose parameters are not negative."""
    net = copy.deepcopy(model).double().eval().requires_grad_(False)
    for parameter in net.parameters():
        if is_attention(parameter):
            parameter.zero_()
        else:
            parameter.abs_()
    return net


def _ones(graph: Data) -> Data:
    """The graph with features of 1 and positive weights, in float64."""
    out = copy.copy(graph)
    if graph.x is not None:
        out.x = torch.ones_like(graph.x, dtype=torch.float64)
    if graph.get('edge_weight') is not None:
        out.edge_weight = graph.edge_weight.double().abs()
    return out
