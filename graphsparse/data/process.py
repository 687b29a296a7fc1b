"""From raw files to tensors, once; later loads read the tensors from the cache."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch_geometric
from torch import Tensor
from torch_geometric.data import Data

from graphsparse.data.cards import Counts, DatasetCard
from graphsparse.data.digits import load_digits
from graphsparse.data.graphs import GraphDataset
from graphsparse.data.raw import mirror_files, provide_files
from graphsparse.engine import InputError, cache_folder, load_tensors, save_tensors
from graphsparse.engine.find import unknown

MASKS = ('train_mask', 'val_mask', 'test_mask')
_FORMAT = 1
Graphs = TypeVar('Graphs', Data, GraphDataset, Data | GraphDataset)
_MADE_FROM = ('loader', 'kwargs', 'root', 'files', 'normalize_features')


def load_graph(card: DatasetCard, root: Path | None) -> Data:
    """The graph of a card, with the masks that came with it, counted.

    Raises:
        InputError: If its files are not to be had or not the right ones, or it does
            not hold what the card says.
    """
    if not card.files:
        return check_graph(card, _read_raw(card, Path()))
    path = processed_path(card)
    try:
        return check_graph(card, _unpack(*load_tensors(path)))
    except InputError:  # not there yet, or spoilt: make it (anew)
        data = process(card, root)
    tensors, meta = _pack(data)
    save_tensors(path, tensors, meta)
    return data


def processed_path(card: DatasetCard) -> Path:
    """Where the tensors of a card are kept; another card or PyG is another file."""
    facts = [
        _FORMAT,
        torch_geometric.__version__,
        {key: value for key, value in asdict(card).items() if key in _MADE_FROM},
    ]
    digest = hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()
    return cache_folder() / 'processed' / f'{card.name}-{digest[:16]}.safetensors'


def process(card: DatasetCard, root: Path | None) -> Data:
    """Run the loader of a card over its verified raw files."""
    with mirror_files(card, provide_files(card, root)) as mirror:
        return check_graph(card, _read_raw(card, mirror))


def _read_raw(card: DatasetCard, root: Path) -> Data:
    """A clean ``Data`` of what the loader gives."""
    raw = _run_loader(card, root)
    y = raw.y.squeeze(-1)
    if y.dim() != 1 or y.is_floating_point():
        raise InputError(
            f'Data set {card.name!r} has labels of {y.dtype} and shape '
            f'{tuple(y.shape)}, but only one class a node is known here.'
        )
    data = Data(x=raw.x.float(), edge_index=raw.edge_index.contiguous(), y=y.long())
    if card.normalize_features:
        from torch_geometric.transforms import NormalizeFeatures

        data = NormalizeFeatures()(data)
    for key in MASKS if card.num_splits else ():
        data[key] = raw[key].bool()
    return data


def _run_loader(card: DatasetCard, root: Path) -> Data:
    if card.loader == 'digits':
        return load_digits(**card.kwargs)
    if card.loader == 'read_npz':
        from torch_geometric.io import read_npz

        return read_npz(str(root / card.files[0].path), **card.kwargs)
    from torch_geometric import datasets

    cls = getattr(datasets, card.loader, None)
    if cls is None:
        raise unknown('PyG data set class', card.loader, sorted(datasets.__all__))
    # The card's files are all there; a class that wants more must not fetch it.
    offline = type(card.loader, (cls,), {'download': refuse_download})
    return offline(root=str(root / card.root), **card.kwargs)[0]


def refuse_download(dataset: Any) -> None:
    """In place of ``download`` in a data set class: InputError with what it wants."""
    absent = [path for path in dataset.raw_paths if not Path(path).exists()]
    raise InputError(
        f'{type(dataset).__name__} wants files that are not in the card: {absent}.'
    )


def check_graph(card: DatasetCard, found: Graphs) -> Graphs:
    """The graph itself, or the graphs, if they hold what their card says.

    Where features were left out they are not counted.

    Raises:
        InputError: If a count is another one.
    """
    data = found if isinstance(found, Data) else found._data
    x, y = data.get('x'), data.get('y')
    counts = Counts(
        nodes=data.num_nodes,
        arcs=data.edge_index.size(1),
        features=card.counts.features if x is None else x.size(1),
        classes=0 if y is None else y.size(1) if y.dim() > 1 else int(y.max()) + 1,
        graphs=1 if isinstance(found, Data) else len(found),
    )
    if counts != card.counts:
        raise InputError(
            f'Data set {card.name!r} has {asdict(counts)}, but its card says '
            f'{asdict(card.counts)}.'
        )
    return found


def _pack(data: Data) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Tensors to keep; mostly-zero features shrink to their non-zeros.

    Bags of words are 1 to 5 % full: 600 MB of GitHub become 8.
    """
    tensors = dict(data.to_dict())
    x = tensors['x'].view(-1)
    filled = x.nonzero().view(-1)
    if 4 * filled.numel() < x.numel():
        tensors |= {'x_place': filled, 'x_value': x[filled]}
        del tensors['x']
    return tensors, {'shape': list(data.x.shape)}


def _unpack(tensors: dict[str, Tensor], meta: dict[str, Any]) -> Data:
    if 'x' not in tensors:
        nodes, features = meta['shape']
        x = torch.zeros(nodes * features)
        x[tensors['x_place']] = tensors['x_value']
        tensors['x'] = x.view(nodes, features)
    keys = ('x', 'edge_index', 'y', *MASKS)
    return Data(**{key: tensors[key] for key in keys if key in tensors})
