"""Messages of a split that a benchmark has fixed."""

from __future__ import annotations

import torch
from torch import Tensor
from torch_geometric.data import Data
from torch_geometric.utils import coalesce, to_undirected

from graphsparse.engine import InputError
from graphsparse.graph.pairs import both_arcs

Messages = tuple[Tensor, Tensor | None]
_GIVEN = ('edge_index', 'train_pos', 'val_pos', 'val_neg', 'test_pos', 'test_neg')


def check_given(data: Data) -> Data:
    """Let data pass that has all arrays of a split, each in its shape.

    Raises:
        InputError: With what is missing, or the shape.
    """
    missing = [key for key in _GIVEN if data.get(key) is None]
    if missing:
        raise InputError(f'The Data has no {", ".join(missing)}.')
    for key in _GIVEN:
        wanted = 2
        if data.get('metric') == 'mrr' and key.endswith('neg'):
            wanted = data[key.replace('neg', 'pos')].size(1)
        if data[key].dim() != 2 or data[key].size(0) != wanted:
            raise InputError(
                f'{key} has to have {wanted} rows under {data.get("metric")!r} (got '
                f'shape {list(data[key].shape)}).'
            )
    return data


def read_messages(data: Data, since: int | None) -> tuple[Messages, Tensor]:
    """Messages both ways ``[2, arcs]`` with weights or None, and training links.

    Args:
        data: Of a benchmark, see :meth:`LinkSplit.from_data`.
        since: What is of an earlier year is left out.

    Raises:
        InputError: If years are missing, or nothing is so late.
    """
    num_nodes = int(data.num_nodes or 0)
    arcs, weight, links = data.edge_index, data.get('edge_weight'), data.train_pos
    if since is not None:
        missing = [key for key in ('edge_year', 'train_year') if key not in data]
        if missing:
            raise InputError(f'since={since} needs {" and ".join(missing)}.')
        late = data.edge_year.view(-1) >= since
        arcs, weight = arcs[:, late], None if weight is None else weight[late]
        links = links[:, data.train_year.view(-1) >= since]
        if not links.numel():
            raise InputError(f'No training link is of {since} or later.')
    if data.get('metric') == 'mrr':
        return (to_undirected(arcs, num_nodes=num_nodes), None), links
    if weight is None:
        return (arcs, None), links
    return coalesce(arcs, weight, num_nodes, reduce='sum'), links


def with_links(messages: Tensor, weight: Tensor | None, links: Tensor) -> Messages:
    """Messages along these links too, of weight 1."""
    more = both_arcs(links)
    messages = torch.cat([messages, more], dim=1)
    if weight is None:
        return messages, None
    weight = torch.cat([weight, weight.new_ones(more.size(1))])
    return coalesce(messages, weight, reduce='sum')
