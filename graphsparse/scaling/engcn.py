from __future__ import annotations

import copy
import math
import time
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import Module

from graphsparse.data.checks import check_float, check_int
from graphsparse.engine import InputError
from graphsparse.graph import Propagation
from graphsparse.kernels.streams import step_key
from graphsparse.loading import HopStore
from graphsparse.loading.hops import next_hop
from graphsparse.nn.hops import MLP, LabelNet
from graphsparse.pruning.init import initial_model
from graphsparse.scaling.base import Branch, Branched, one_hot_labels
from graphsparse.scaling.decoupled import Decoupled
from graphsparse.scaling.pseudo_labels import PseudoLabelState
from graphsparse.training import Fit, HopTask, NodeTask, Training, Watch, fit


@dataclass(frozen=True)
class EnGCN(Branch):
    r"""An ensemble over hops: one net learns hop after hop, with self-training.

    With :math:`S = D^{-1/2} A D^{-1/2}`, features :math:`x_k = S^k X` and training
    labels :math:`e_k = S^k Y` (zeros for all other nodes), for k = 0 ... K - 1:

    1. train :math:`f(x_k, e_k) = \mathrm{MLP}_x(x_k) + \mathrm{mean}_h
       \mathrm{MLP}_h(e_k)`, without the second part at k = 0, from the best weights
       of hop k - 1 and on with its optimiser's moments; keep the best validation;
    2. nodes whose largest probability is at least ``threshold`` are trained on from
       now on, towards the class predicted; training nodes keep their labels.

    The class predicted is :math:`\arg\max \sum_k \log p_k`, which SAMME.R's weights
    :math:`(C - 1)(\log p - \overline{\log p})` give as well. One hop of features and
    labels is held at a time. Duan et al., "A Comprehensive Study on Large-Scale Graph
    Training: Benchmarking and Rethinking", NeurIPS 2022 data sets and benchmarks, as
    its authors corrected it in 2023. Defaults are theirs for Reddit.

    From k = 2 on :math:`(S^k Y)_i` holds training node i's own label, diluted, which no
    test node sees of itself. The paper accepts that. With ``label_dropout`` a share of
    the training nodes is left out of Y, and from k = 1 on only those (and the nodes
    of predicted class) are trained on: none has seen its own label.

    Args:
        num_hops: Learners K, hop 0 among them.
        hidden_channels: Width of the perceptrons, three layers each.
        heads: Perceptrons of labels.
        dropout: Of those.
        feature_dropout: Of the perceptron of features; the authors' code has 0.5
            whatever is asked.
        threshold: Above 1 adds no node.
        label_dropout: Share of training nodes not among the labels propagated; ceil.
        batch_size: Nodes a step, always in the same order.
        passes: Over these nodes from one validation to the next. ``training`` counts
            its epochs and its patience in such rounds.
        training: Of every hop; 14 rounds of 5 passes are 70 epochs.
    """

    num_hops: int = 4
    hidden_channels: int = 512
    heads: int = 1
    dropout: float = 0.2
    feature_dropout: float = 0.5
    threshold: float = 0.95
    label_dropout: float = 0.0
    batch_size: int = 5000
    passes: int = 5
    training: Training = field(
        default_factory=lambda: Training(
            epochs=14, lr=1e-3, weight_decay=0.0, patience=2, ties='first'
        )
    )

    def __post_init__(self) -> None:
        for name in ('num_hops', 'hidden_channels', 'heads', 'batch_size', 'passes'):
            check_int(name, getattr(self, name), 1)
        check_float('threshold', self.threshold, 0)
        if not 0 <= self.label_dropout < 1:
            raise InputError(
                f'label_dropout has to be in [0, 1) (got {self.label_dropout}).'
            )

    def learn(self, task: NodeTask, seed: int, watch: Watch) -> Branched:
        """Hop after hop."""
        labels = one_hot_labels(task, 'EnGCN')
        shown = self.labels_shown(task, seed)
        if shown is not None:
            labels *= shown.view(-1, 1)
        x, num_nodes = task.graph.x.cpu(), task.graph.num_nodes
        step = Propagation.of(copy.copy(task.graph).cpu(), dtype=x.dtype)
        state = PseudoLabelState.of(task.train, num_nodes)
        net = initial_model(lambda: self.make_net(task), seed).to(task.device)
        adam = self.training.make_optimizer(net)
        total = torch.zeros_like(labels)
        courses: dict[str, Fit] = {}
        trained_on, seconds = [], 0.0
        for hop in range(self.num_hops):
            if hop:
                start = time.perf_counter()
                x, labels = _stream(step, x, hop, watch.folder), step @ labels
                seconds += time.perf_counter() - start
            part = state.part(without=shown if hop else None).to(task.device)
            rows = HopTask.of(
                replace(task, train=part),
                HopStore([x]),
                labels if hop else None,
                self.batch_size,
                self.passes,
                shuffle=False,
            )
            courses[f'hop_{hop}'] = fit(
                net,
                rows,
                self.training,
                optimizer=lambda _: adam,
                seed=step_key(seed, hop),
                stage=f'hop_{hop}',
                watch=watch,
            )
            logits = rows.infer(net).cpu()
            total += logits.log_softmax(-1)
            state = state.grow(logits, self.threshold)
            trained_on.append(part.index.numel())
        _remove(watch.folder, self.num_hops - 1)
        facts = {'seed': seed, 'hop_seconds': seconds, 'trained_on': trained_on}
        return Branched(total, net, courses, facts)

    def begin(self, task: NodeTask, seed: int, watch: Watch) -> tuple[Module, HopTask]:
        """Net and rows of hop 1, the first with labels among its inputs."""
        x = task.graph.x.cpu()
        step = Propagation.of(copy.copy(task.graph).cpu(), dtype=x.dtype)
        store = HopStore([next_hop(step, x, None)])
        labels = step @ one_hot_labels(task, 'EnGCN')
        net: Module = initial_model(lambda: self.make_net(task), seed)
        rows = HopTask.of(task, store, labels, self.batch_size, shuffle=False)
        return net.to(task.device), rows

    def baselines(self) -> dict[str, Branch]:
        """SIGN on as many hops, of the same width, for as long."""
        rounds = self.training.epochs * self.num_hops * self.passes
        return {
            'sign': Decoupled(
                hops=self.num_hops - 1,
                hidden_channels=self.hidden_channels,
                dropout=self.feature_dropout,
                batch_size=self.batch_size,
                training=replace(self.training, epochs=rounds, patience=0),
            )
        }

    def make_net(self, task: NodeTask) -> LabelNet:
        """The learner of all hops, its weights drawn from torch's global state."""
        net = MLP(
            task.graph.x.size(1),
            task.out_channels,
            hidden_channels=self.hidden_channels,
            dropout=self.feature_dropout,
        )
        return LabelNet(net, self.hidden_channels, 3, self.heads, self.dropout)

    def labels_shown(self, task: NodeTask, seed: int) -> Tensor | None:
        """Training nodes whose labels are propagated [nodes]; None for all of them."""
        if not self.label_dropout:
            return None
        index = task.train.index.cpu()
        generator = torch.Generator().manual_seed(step_key(seed, -1))
        order = torch.randperm(index.numel(), generator=generator)
        shown = torch.zeros(task.graph.num_nodes, dtype=torch.bool)
        shown[index[order[math.ceil(self.label_dropout * index.numel()) :]]] = True
        return shown


def _stream(step: Propagation, x: Tensor, hop: int, folder: Path | None) -> Tensor:
    """The next hop of features; the file of the one before it is removed."""
    out = next_hop(step, x, folder and folder / f'x_{hop}.npy')
    _remove(folder, hop - 1)
    return out


def _remove(folder: Path | None, hop: int) -> None:
    if folder is not None:
        (folder / f'x_{hop}.npy').unlink(missing_ok=True)
