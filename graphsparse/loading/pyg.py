"""The one place that calls what PyG has not made public."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.loader.utils import filter_data
from torch_geometric.sampler import (
    EdgeSamplerInput,
    NegativeSampling,
    SamplerOutput,
)
from torch_geometric.sampler.neighbor_sampler import edge_sample

from graphsparse.engine import InputError
from graphsparse.graph import Adjacency
from graphsparse.graph.check import in_range

# Options of PyG's loaders that are not served, and the one value that may stand.
_UNSERVED: dict[str, Any] = {
    'disjoint': False,
    'subgraph_type': 'directional',
    'directed': True,
    'time_attr': None,
    'input_time': None,
    'edge_label_time': None,
    'temporal_strategy': 'uniform',
    'neighbor_sampler': None,
}


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """The options without those of PyG that change nothing here.

    Raises:
        InputError: If one asks for what is not served.
    """
    for name, served in _UNSERVED.items():
        if options.get(name, served) != served:
            raise InputError(
                f'{name}={options[name]!r} is not served by this loader; only '
                f'{name}={served!r} is.'
            )
    return {k: v for k, v in options.items() if k not in {*_UNSERVED, 'is_sorted'}}


def check_data(data: Any) -> Data:
    """A copy that says how many nodes it has; batches are cut out of it.

    An :class:`~graphsparse.graph.Adjacency` may stand as ``edge_index``.

    Raises:
        InputError: If it is no ``Data``, holds an ``adj_t`` or features of other nodes.
    """
    if not isinstance(data, Data):
        raise InputError(
            f'A loader takes a homogeneous Data (got {type(data).__name__}); of a '
            'HeteroData one node and edge type at a time.'
        )
    if data.edge_index is None:
        raise InputError('The Data has no edge_index.')
    if data.get('adj_t') is not None:
        raise InputError('The Data holds adj_t. Load from edge_index alone.')
    out = copy.copy(data)
    given = data.edge_index
    out.num_nodes = given.num_nodes if isinstance(given, Adjacency) else data.num_nodes
    if data.x is not None and data.x.shape[0] != out.num_nodes:
        raise InputError(
            f'data.x has {data.x.shape[0]} rows, but num_nodes is {out.num_nodes}.'
        )
    return out


def check_nodes(data: Data, input_nodes: Any) -> Tensor | None:
    """Inputs as PyG's loaders take them: ids, a boolean mask, or None for all.

    Raises:
        InputError: If they are empty, out of range or no ids.
    """
    if input_nodes is None:
        return None
    nodes = torch.as_tensor(input_nodes)
    if nodes.dtype == torch.bool and nodes.shape != (data.num_nodes,):
        raise InputError(
            f'A mask of input_nodes has one entry for each of the {data.num_nodes} '
            f'nodes (got shape {list(nodes.shape)}).'
        )
    if nodes.numel() == 0 or (nodes.dtype == torch.bool and not nodes.any()):
        raise InputError(f'input_nodes is empty (shape {list(nodes.shape)}).')
    if nodes.dtype != torch.bool:
        check_ids('input_nodes', nodes, int(data.num_nodes or 0))
    return nodes


def check_ids(name: str, ids: Tensor, num_nodes: int) -> None:
    """InputError unless these are ids of nodes."""
    if ids.dtype not in (torch.int64, torch.int32):
        raise InputError(f'{name} has to hold int64 node ids (got {ids.dtype}).')
    if not in_range(ids, num_nodes):
        bad = ids[(ids < 0) | (ids >= num_nodes)]
        raise InputError(
            f'{name} names node {int(bad[0])}, but ids go from 0 to {num_nodes - 1}.'
        )


def cut_batch(
    data: Data, node: Tensor, source: Tensor, target: Tensor, edge_id: Tensor
) -> Data:
    """The batch of these nodes and edges: whatever belongs to them follows.

    Args:
        data: What :func:`check_data` gave.
        node: Node of each place, ``[nodes]``; one may stand at several.
        source: Place where each edge begins, ``[edges]``.
        target: Place where it ends, ``[edges]``.
        edge_id: Its position in ``data.edge_index``, ``[edges]``.
    """
    batch = filter_data(data, node, source, target, edge_id)
    batch.n_id, batch.e_id = node, edge_id
    return batch


def sample_links(
    inputs: EdgeSamplerInput,
    sample: Callable[[Tensor, Any], SamplerOutput],
    num_nodes: int,
    neg_sampling: NegativeSampling | None,
    key: int,
) -> SamplerOutput:
    """PyG's sampling around links, with negatives drawn by ``key``.

    PyG draws negatives from torch's global state, which is put back afterwards.
    """
    state = torch.get_rng_state()
    try:
        torch.default_generator.manual_seed(key)  # torch.manual_seed would reach GPUs
        return edge_sample(
            inputs, sample, num_nodes, disjoint=False, neg_sampling=neg_sampling
        )
    finally:
        torch.set_rng_state(state)
