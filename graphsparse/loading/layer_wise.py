from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, Literal, get_args

import torch
from torch import Tensor
from torch_geometric.data import Data

from graphsparse.engine import InputError
from graphsparse.kernels import LayerSample, sample_layer
from graphsparse.kernels.pattern import row_ids
from graphsparse.kernels.streams import fold
from graphsparse.loading.base import Sampling
from graphsparse.loading.epochs import (
    EpochLoader,
    check_positive,
    epoch_key,
    split_epoch,
)
from graphsparse.loading.pyg import check_data, check_nodes, cut_batch
from graphsparse.loading.rows import Rows

Method = Literal['ladies', 'fastgcn']


class LayerLoader(EpochLoader):
    r"""Layer-wise sampling: the targets of a layer share one set of sampled sources.

    A batch is one ``Data``, the layers' graphs side by side: a node that is in several
    layers stands there once in each, and an edge goes from a layer to the one above,
    so ``model(batch.x, batch.edge_index)[:batch.batch_size]`` of any stack of convs
    computes on layer k what was sampled for layer k. (A union of the layers would let
    a conv read edges sampled for another layer, and pairs of node sets need convs that
    take pairs.) Rows are needed down to their own layer only:
    ``torch_geometric.utils.trim_to_layer`` leaves the others out, by
    ``num_sampled_nodes`` and ``num_sampled_edges``. Otherwise a batch is as those of
    :class:`~graphsparse.loading.NeighborLoader`.

    With P the ``edge_weight`` of ``data``, or the mean over in-neighbours without:

    - ``weighted=True``, ``'fastgcn'`` (Chen et al., ICLR 2018): drawn with replacement
      among all nodes by the squared norms of P's columns; the batch's ``edge_weight``
      is an unbiased estimate of P.
    - ``weighted=True``, ``'ladies'`` (Zou et al., NeurIPS 2019): drawn among the
      in-neighbours by their columns' squared norms within the layer, and kept beside
      the targets. Rows of ``edge_weight`` are divided by their sum, as in the paper;
      this trades a bias for variance, and suits a P with rows that sum to 1.
    - ``weighted=False``, as Duan et al. compare them (NeurIPS 2022, data sets and
      benchmarks): drawn among the in-neighbours by one over the degree, with no weights
      made, so that a conv's own mean is over what was sampled; ``'ladies'`` keeps the
      targets, ``'fastgcn'`` does not.

    Weighted batches go to convs that sum ``edge_weight`` times messages, as
    ``GCNConv(normalize=False)``. Add self-loops first where a node is to hear itself
    (``AddRemainingSelfLoops`` or ``GCNNorm`` of ``torch_geometric.transforms``).

    Args:
        data: The graph.
        num_samples: Nodes drawn for each layer, the layer nearest to the targets first.
        input_nodes: The targets, each once: ids or a boolean mask; all nodes if None.
        method: ``'ladies'`` or ``'fastgcn'``.
        weighted: Whether edges carry importance weights.
        seed: Any integer.
        **kwargs: Of torch's ``DataLoader`` (``batch_size``, ``shuffle`` and so on).

    Raises:
        InputError: If a size is not positive, an id out of range or given twice,
            ``method`` unknown, or ``data`` malformed.
    """

    def __init__(
        self,
        data: Data,
        num_samples: Sequence[int],
        input_nodes: Any = None,
        method: Method = 'ladies',
        weighted: bool = True,
        seed: int = 0,
        **kwargs: Any,
    ) -> None:
        if method not in get_args(Method):
            raise InputError(
                f"method has to be 'ladies' or 'fastgcn' (got {method!r})."
            )
        if not isinstance(num_samples, list | tuple) or not num_samples:
            raise InputError(
                'num_samples lists how many nodes are drawn for each layer, as '
                f'[512, 512] (got {num_samples!r}).'
            )
        for size in num_samples:
            check_positive(num_samples=size)
        self.data = check_data(data)
        self.nodes, self.input_id = _distinct(self.data, input_nodes)
        self.rows = Rows.of(self.data)
        self.num_samples = list(num_samples)
        self.method = method
        self.weighted = weighted
        weight = self.data.get('edge_weight') if weighted else None
        self.value = None if weight is None else self.rows.by_slot(weight)
        self.prob = self._probability()
        super().__init__(self.nodes, seed=seed, collate_fn=self.make_batch, **kwargs)

    def _probability(self) -> Tensor | None:
        """By what nodes are drawn in every layer; None where each has its own."""
        degree = self.rows.rowptr.diff().double().clamp(min=1)
        if not self.weighted:
            return degree.reciprocal()
        if self.method == 'ladies':
            return None
        row = row_ids(self.rows.rowptr, self.rows.col.numel())
        value = degree.reciprocal()[row] if self.value is None else self.value.double()
        return torch.zeros_like(degree).index_add_(
            0, self.rows.col.long(), value.square()
        )

    def make_batch(self, index: Any) -> Data:
        """A batch of positions among the targets, with the epoch it is of."""
        epoch, index = split_epoch(index)
        place = torch.as_tensor(index)
        node = self.nodes[place]
        key = int(fold(epoch_key(self.seed, epoch), node).sum())
        layers = self._sample(node, key)
        sizes = [node.numel(), *(out.node.numel() for out in layers)]
        begin = list(accumulate(sizes, initial=0))
        source = [out.col.long() + b for out, b in zip(layers, begin[1:], strict=False)]
        target = [
            row_ids(out.rowptr, out.col.numel()) + b
            for out, b in zip(layers, begin, strict=False)
        ]
        batch = cut_batch(
            self.data,
            torch.cat([node, *(out.node for out in layers)]),
            torch.cat(source),
            torch.cat(target),
            self.rows.edge_id(torch.cat([out.slot for out in layers])),
        )
        if self.weighted:
            batch.edge_weight = torch.cat([out.weight for out in layers])
        batch.input_id = place if self.input_id is None else self.input_id[place]
        batch.batch_size = node.numel()
        batch.num_sampled_nodes = sizes
        batch.num_sampled_edges = [out.col.numel() for out in layers]
        return batch

    def _sample(self, node: Tensor, key: int) -> list[LayerSample]:
        layers = []
        among_all = self.weighted and self.method == 'fastgcn'
        for hop, num_samples in enumerate(self.num_samples):
            out = sample_layer(
                self.rows.rowptr,
                self.rows.col,
                node,
                num_samples,
                seed=key,
                hop=hop,
                method='fastgcn' if among_all else 'ladies',
                value=self.value,
                prob=self.prob,
                replace=among_all,
                keep_targets=self.method == 'ladies',
            )
            layers.append(out)
            node = out.node
        return layers


@dataclass(frozen=True)
class LayerSampling(Sampling):
    """Layer-wise: one set of sampled nodes for all targets of a layer.

    As Duan et al. compare them (NeurIPS 2022, data sets and benchmarks): without
    weights, and with as many nodes a layer as a batch has targets.

    Args:
        num_samples: Nodes drawn for each layer, one entry a layer.
        batch_size: Training nodes of a batch.
        method: ``'ladies'`` or ``'fastgcn'``.
        weighted: Whether edges carry importance weights, for convs that sum them.
    """

    num_samples: tuple[int, ...] = (512, 512)
    batch_size: int = 512
    method: Method = 'ladies'
    weighted: bool = False

    def load(self, data: Data, nodes: Tensor, seed: int, **kwargs: Any) -> EpochLoader:
        """A :class:`LayerLoader`."""
        return LayerLoader(
            data,
            list(self.num_samples),
            nodes,
            self.method,
            self.weighted,
            seed,
            batch_size=self.batch_size,
            shuffle=True,
            **kwargs,
        )


def _distinct(data: Data, input_nodes: Any) -> tuple[Tensor, Tensor | None]:
    """The targets, and what PyG's loaders call them: ids, if given by a mask."""
    given = check_nodes(data, input_nodes)
    if given is None:
        return torch.arange(data.num_nodes or 0), None
    if given.dtype == torch.bool:
        node = given.nonzero().squeeze(1)
        return node, node
    node, count = given.long().unique(return_counts=True)
    if (count > 1).any():
        raise InputError(
            f'input_nodes holds node {int(node[count > 1][0])} more than once; '
            'torch.unique makes them distinct.'
        )
    return given.long(), None
