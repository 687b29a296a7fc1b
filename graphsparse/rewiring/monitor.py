from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.evaluation import dirichlet_energy
from graphsparse.graph import Adjacency
from graphsparse.nn import RewiredGCN
from graphsparse.nn.features import Features
from graphsparse.rewiring.flow import Flow, gradient_norms, layers

Metric = Literal['energy', 'gradient']


@dataclass(frozen=True)
class Trigger:
    """When a layer is taken for one through which too little flows.

    Args:
        metric: Dirichlet 'energy' of the layer's outputs, or the norm of its
            'gradient'.
        threshold: It falls below this share of what it was at first.
        warmup: Epochs whose mean gradient norm is what it was at first.
        smoothing: Of the running mean of later gradient norms, what stays of it.
    """

    metric: Metric
    threshold: float
    warmup: int
    smoothing: float


class Monitor(Module):
    """A deep GCN in training whose layers are watched.

    All that it knows is in buffers, so a checkpoint carries it. What it sees changes
    nothing but, ``online``, the skips: a layer that triggered has one from the next
    training pass on, for good. One pass in training mode is one epoch.

    Args:
        net: Used as it is, not copied.
        adj: The graph, for the energy.
        trigger: When a layer gets a skip.
        epochs: How many there will be.
        online: Whether the net gets skips itself.

    Attributes:
        epoch: Epochs done, a tensor without dimensions.
        energy: Of every conv's outputs in the training pass, dropout on, before skip
            and ReLU, ``[epochs, layers]``; NaN if the trigger does not read it.
        gradient: Norms of the weights' gradients, ``[epochs, layers]``.
        running: Running mean of the gradient norms, ``[layers]``.
        triggered: The epoch in which each layer fell below, -1 for none, ``[layers]``.
    """

    epoch: Tensor
    energy: Tensor
    gradient: Tensor
    running: Tensor
    triggered: Tensor
    candidate: Tensor

    def __init__(
        self,
        net: RewiredGCN,
        adj: Adjacency,
        trigger: Trigger,
        epochs: int,
        online: bool,
    ) -> None:
        super().__init__()
        self.net = net
        self.adj = adj
        self.trigger = trigger
        self.online = online
        device = net.skips.device
        unseen = torch.full((epochs, net.num_layers), math.nan, dtype=torch.float64)
        candidate = torch.zeros(net.num_layers, dtype=torch.bool)
        candidate[list(net.skippable)] = True
        for name, buffer in {
            'epoch': torch.zeros((), dtype=torch.int64),
            'energy': unseen,
            'gradient': unseen.clone(),
            'running': unseen[0].clone(),
            'triggered': torch.full((net.num_layers,), -1),
        }.items():
            self.register_buffer(name, buffer.to(device))
        self.register_buffer('candidate', candidate.to(device), persistent=False)

    def forward(
        self, x: Features, edge_index: Tensor, edge_weight: Tensor | None = None
    ) -> Tensor:
        """The net; in training mode its layers' energies are written down."""
        if not self.training:
            return self.net(x, edge_index, edge_weight)
        if self.online:
            self.net.skips |= self.triggered >= 0
        if self.trigger.metric == 'gradient':
            return self.net(x, edge_index, edge_weight)
        out, outs = self.net.forward_with_layers(x, edge_index, edge_weight)
        energy = torch.stack([dirichlet_energy(z, self.adj) for z in outs])
        self._note(self.energy, energy)
        self._compare(energy, self.energy[0])
        return out

    @torch.no_grad()
    def after_step(self) -> None:
        """The epoch is over: write its gradients down."""
        norms = gradient_norms(layers(self.net))
        self._note(self.gradient, norms)
        if self.trigger.metric == 'gradient':
            self._follow(norms)
        self.epoch += 1

    def _follow(self, norms: Tensor) -> None:
        warmup, kept = self.trigger.warmup, self.trigger.smoothing
        start = self.gradient[:warmup].mean(0)  # NaN until all of it is there
        later = torch.lerp(norms, self.running, kept)
        self.running.copy_(torch.where(self.epoch < warmup, start, later))
        self._compare(self.running, start)

    def _note(self, history: Tensor, values: Tensor) -> None:
        history.index_copy_(0, self.epoch.view(1), values.unsqueeze(0))

    def _compare(self, now: Tensor, start: Tensor) -> None:
        """Trigger the layers that have fallen below for the first time."""
        below = now < self.trigger.threshold * start
        if self.trigger.threshold == math.inf:  # which times 0 is NaN
            below = ~start.isnan()
        fresh = self.candidate & (self.triggered < 0) & below
        self.triggered.copy_(torch.where(fresh, self.epoch, self.triggered))

    def value(self, layer: int) -> tuple[float, float]:
        """What a triggered layer's metric was then, and at first."""
        epoch = int(self.triggered[layer])
        if self.trigger.metric == 'energy':
            return float(self.energy[epoch, layer]), float(self.energy[0, layer])
        warmup, kept = self.trigger.warmup, self.trigger.smoothing
        first = self.gradient[:warmup, layer].mean()
        running = first
        for norm in self.gradient[warmup : epoch + 1, layer]:
            running = torch.lerp(norm, running, kept)
        return float(running), float(first)

    def flow(self) -> Flow:
        """What was seen in the epochs done."""
        done = int(self.epoch)
        epochs = torch.arange(done)
        gradient, energy = self.gradient[:done].cpu(), self.energy[:done].cpu()
        unseen = torch.full_like(energy, math.nan)
        names = tuple(layers(self.net))
        return Flow(names, epochs, gradient, epochs, energy, unseen, unseen)
