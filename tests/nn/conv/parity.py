"""Ours against PyG's: the same numbers, the same gradients, on every kind of graph."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch_geometric import EdgeIndex

from graphsparse.graph import Adjacency

FEATURES = 5


def _random(num_nodes: int, num_edges: int, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, num_nodes, (2, num_edges), generator=generator)


def _without_loops(edge_index: Tensor) -> Tensor:
    return edge_index[:, edge_index[0] != edge_index[1]]


def _both_ways(edge_index: Tensor) -> Tensor:
    return torch.cat([edge_index, edge_index.flip(0)], dim=1)


GRAPHS: dict[str, tuple[int, Tensor]] = {
    'undirected': (8, _both_ways(_without_loops(_random(8, 11, 0)))),
    'directed': (7, _without_loops(_random(7, 15, 1))),
    # One loop a node at most: PyG's gradient to doubled loops is not a gradient.
    'self-loops': (
        6,
        torch.cat([_without_loops(_random(6, 9, 2)), torch.tensor([[4, 0]] * 2)], 1),
    ),
    'multi-edges': (5, _without_loops(_random(5, 8, 3)).repeat(1, 2)),
    'isolated nodes': (9, torch.tensor([[1, 2, 4, 1], [2, 1, 1, 4]])),
    'as many edges as nodes': (6, _without_loops(_random(6, 40, 4))[:, :6]),
    'no edges': (4, torch.zeros(2, 0, dtype=torch.int64)),
    'no nodes': (0, torch.zeros(2, 0, dtype=torch.int64)),
}


def features(*shape: int, dtype: torch.dtype = torch.float64, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, dtype=dtype, generator=generator)


def forms(num_nodes: int, edge_index: Tensor) -> dict[str, Any]:
    """One graph in every form that our convs take."""
    size = (num_nodes, num_nodes)
    return {
        'edge_index': edge_index,
        'EdgeIndex': EdgeIndex(edge_index, sparse_size=size),
        'Adjacency': Adjacency.from_edge_index(edge_index, num_nodes),
    }


def twin(ours: type, *args: Any, **options: Any) -> tuple[Any, Any]:
    """A conv of ours and PyG's with the same options and parameters, in float64."""
    theirs_class = ours.__mro__[2]
    assert theirs_class.__module__.startswith('torch_geometric.')
    theirs = theirs_class(*args, **options).double()
    made = ours(*args, **options).double()
    made.load_state_dict(theirs.state_dict())
    return made, theirs


def run(conv: Any, x: Any, graph: Any, **inputs: Any) -> dict[str, Tensor]:
    """Output and gradients of x, parameters and float inputs."""
    pair = x if isinstance(x, tuple) else (x,)
    leaves = [t if t is None else t.detach().requires_grad_() for t in pair]
    named = {f'x{i}': t for i, t in enumerate(leaves) if t is not None}
    for name, value in inputs.items():
        if isinstance(value, Tensor) and value.is_floating_point():
            inputs[name] = named[name] = value.detach().requires_grad_()
    named |= dict(conv.named_parameters())
    out = conv(tuple(leaves) if isinstance(x, tuple) else leaves[0], graph, **inputs)
    if isinstance(out, tuple):
        out = out[0]
    # Uneven, so that no two entries of the output can take each other's place.
    weight = torch.linspace(0.5, 2, out.numel(), dtype=out.dtype).view_as(out)
    total = (out * weight).sum()
    grads = torch.autograd.grad(total, list(named.values()), allow_unused=True)
    result = {'out': out.detach()}
    for (name, leaf), grad in zip(named.items(), grads, strict=True):
        result[name] = torch.zeros_like(leaf) if grad is None else grad
    return result


def assert_close(
    ours: dict[str, Tensor], theirs: dict[str, Tensor], tol: float = 1e-10
) -> None:
    assert ours.keys() == theirs.keys()
    for name in ours:
        torch.testing.assert_close(
            ours[name],
            theirs[name],
            rtol=tol,
            atol=tol,
            msg=lambda m, n=name: f'{n}: {m}',
        )


def assert_parity(
    pair: tuple[Any, Any], x: Any, graph: Any, tol: float = 1e-10, **inputs: Any
) -> None:
    ours, theirs = pair
    assert_close(run(ours, x, graph, **inputs), run(theirs, x, graph, **inputs), tol)


def assert_parity_on_all_graphs(pair: tuple[Any, Any], **inputs: Any) -> None:
    """Equal to PyG on a raw edge_index, and so in every other form of the graph."""
    for num_nodes, edge_index in GRAPHS.values():
        x = features(num_nodes, FEATURES)
        wanted = run(pair[1], x, edge_index, **inputs)
        for graph in forms(num_nodes, edge_index).values():
            assert_close(run(pair[0], x, graph, **inputs), wanted)


def refuse_pyg(monkeypatch: Any, ours: type) -> None:
    """Make PyG's own forward fail, to see that our kernels serve."""

    def forward(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("PyG's own forward ran")

    monkeypatch.setattr(ours.__mro__[2], 'forward', forward)
