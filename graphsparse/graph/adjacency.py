from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from graphsparse.engine import InputError
from graphsparse.graph.build import (
    parts_of_list,
    parts_of_rows,
    rows_of,
    slot_blocks,
)
from graphsparse.graph.check import check_mask, check_weight
from graphsparse.graph.operator import Operator, gcn_operator
from graphsparse.kernels import Pattern, compact, transpose_csr
from graphsparse.kernels.layout import (
    find_twins,
    has_twins,
    merge_loops,
    number_edges,
)
from graphsparse.kernels.pattern import row_ids

Loops = Literal['none', 'given', 'all']


@contextmanager
def _lasting() -> Iterator[None]:
    """What is kept must serve a training too: no inference tensors."""
    grad = torch.is_grad_enabled()
    with torch.inference_mode(False), torch.set_grad_enabled(grad):
        yield


@dataclass(frozen=True, eq=False, repr=False)
class Adjacency:
    """The one canonical view of a graph: sorted, checked, self-loops apart.

    Arcs (stored directed edges, no loops) stand in CSR order: row = target node,
    column = source node, sorted by (target, source, place in the caller's list).
    That order is the same however the caller shuffled the edges. An *edge* is a
    pair of twin arcs where every arc has its twin (``undirected``), else a single
    arc; parallel arcs are paired copy by copy. Edges are numbered by
    ``(min(u, v), max(u, v))`` when undirected, in CSR order when directed.

    The tensors are never changed in place. Make one with :meth:`from_edge_index`
    or :func:`graphsparse.graph.to_adjacency`, which check every bound.

    Attributes:
        rowptr: Row ends, int64 ``[num_dst + 1]``.
        col: Source of each arc, int32 where it fits, ``[num_arcs]``.
        loop: Node of each self-loop, ascending, int64 ``[num_loops]``.
        loop_id: The caller's position of each self-loop, int64 ``[num_loops]``.
        num_src: Number of source nodes (columns).
        num_input: Length of the caller's edge list.
        undirected: Whether arcs come in twins that share one fate.
        order: The caller's position of each arc, int64 ``[num_arcs]``, or None where
            arcs stand in the caller's order. A subgraph keeps the positions of the
            graph it came from: read them from :attr:`edge_id`.
        weight: One number an arc, or None.
        loop_weight: One number a self-loop, or None.
        mask: Soft mask in [0, 1], one number an arc, or None.
    """

    rowptr: Tensor
    col: Tensor
    loop: Tensor
    loop_id: Tensor
    num_src: int
    num_input: int
    undirected: bool
    order: Tensor | None = None
    weight: Tensor | None = None
    loop_weight: Tensor | None = None
    mask: Tensor | None = None
    _cache: dict[Any, Any] = field(default_factory=dict)

    @staticmethod
    @_lasting()
    def from_edge_index(
        edge_index: Tensor,
        num_nodes: int | tuple[int, int],
        edge_weight: Tensor | None = None,
        undirected: bool | None = None,
    ) -> Adjacency:
        """Check and sort an edge list.

        Args:
            edge_index: ``[2, edges]``, row 0 the sources, row 1 the targets.
            num_nodes: How many nodes, or ``(sources, targets)`` where the two ends
                are different sets. A loop exists only where they are the same.
            edge_weight: ``[edges]`` or ``[edges, 1]``.
            undirected: None finds out; False scores every arc alone.

        Raises:
            InputError: If an id is out of range, a type or shape is wrong, a weight
                is not finite, or ``undirected=True`` and an arc has no twin.
        """
        parts = parts_of_list(edge_index, num_nodes, edge_weight)
        one_set = not isinstance(num_nodes, tuple | list)
        return Adjacency(**parts, undirected=False)._settle(undirected, one_set)

    @staticmethod
    @_lasting()
    def from_csr(
        rowptr: Tensor,
        col: Tensor,
        num_src: int | None = None,
        edge_weight: Tensor | None = None,
        undirected: bool | None = None,
    ) -> Adjacency:
        """Take rows that are sorted already, as they are.

        Nothing is copied where ``rowptr`` is int64 and there are no self-loops, so
        the tensors may be memory maps (``torch.from_numpy(np.memmap(...))``) larger
        than memory; they are read once, block by block. They are not to be changed
        afterwards. Whatever asks for the caller's order of the edges makes 8 bytes
        an arc; the transpose, and with it a gradient, twice the size of ``col``.

        Args:
            rowptr: Row (target) ends, ``[num_dst + 1]``, from 0 to ``len(col)``.
            col: Source of each arc, int32 or int64, ascending in each row.
            num_src: How many sources there are, where they are another set than the
                targets; None where they are the same nodes.
            edge_weight: ``[arcs]``.
            undirected: See :meth:`from_edge_index`.

        Raises:
            InputError: If the row ends fall, a column is out of range, a row is not
                sorted, or ``undirected=True`` and an arc has no twin.
        """
        parts = parts_of_rows(rowptr, col, num_src, edge_weight)
        adj = Adjacency(**parts, undirected=False)
        return adj._settle(undirected, one_set=num_src is None)

    def _settle(self, undirected: bool | None, one_set: bool) -> Adjacency:
        if undirected and not one_set:
            raise InputError(
                'undirected=True, but sources and targets are two sets '
                f'{self.num_src, self.num_dst}.'
            )
        if undirected:
            return self.as_undirected()
        found = undirected is None and one_set and self._arcs_have_twins()
        return self._as(undirected=True) if found else self

    def _arcs_have_twins(self) -> bool:
        return self.num_src == self.num_dst and has_twins(self.rowptr, self.col)

    @property
    def edge_id(self) -> Tensor:
        """The caller's position of each arc, int64 ``[num_arcs]``."""
        if self.order is not None:
            return self.order
        make = partial(torch.arange, self.num_arcs, device=self.col.device)
        return self._derive('edge_id', make)

    @property
    def device(self) -> torch.device:
        """Where it lies."""
        return self.col.device

    @property
    def num_dst(self) -> int:
        """Number of target nodes (rows)."""
        return self.rowptr.numel() - 1

    @property
    def num_nodes(self) -> int:
        """Number of nodes, sources and targets being the same."""
        if self.num_src != self.num_dst:
            raise InputError(f'{self} has two node sets: ask for num_src or num_dst.')
        return self.num_src

    @property
    def num_arcs(self) -> int:
        """Number of stored directed edges, self-loops apart."""
        return self.col.numel()

    @property
    def num_edges(self) -> int:
        """Number of edges: pairs of twin arcs if undirected, else arcs."""
        return self.num_arcs // 2 if self.undirected else self.num_arcs

    @property
    def num_loops(self) -> int:
        """Number of self-loops."""
        return self.loop.numel()

    def __repr__(self) -> str:
        kind = 'undirected' if self.undirected else 'directed'
        nodes = f'{self.num_src}'
        if self.num_src != self.num_dst:
            nodes += f' -> {self.num_dst}'
        return (
            f'Adjacency({kind}, nodes={nodes}, edges={self.num_edges}, '
            f'arcs={self.num_arcs}, loops={self.num_loops})'
        )

    # What is derived once and kept. Plain dict: torch.compile can trace through it.

    def _derive(self, key: Any, make: Callable[[], Any]) -> Any:
        if key not in self._cache:
            with _lasting():
                self._cache[key] = make()
        return self._cache[key]

    def row(self) -> Tensor:
        """Target of each arc, int64 ``[num_arcs]``."""
        return self._derive('row', partial(row_ids, self.rowptr, self.num_arcs))

    def transpose(self) -> tuple[Tensor, Tensor, Tensor]:
        """``(t_rowptr, t_col, t_perm)``: arcs by source; ``t_perm`` their slots.

        In an undirected graph ``t_perm`` is the twin of each arc.
        """
        return self._derive('transpose', self._make_transpose)

    def _make_transpose(self) -> tuple[Tensor, Tensor, Tensor]:
        square = self.num_src == self.num_dst
        twin = find_twins(self.rowptr, self.col) if square else None
        if twin is None:
            return transpose_csr(self.rowptr, self.col, self.num_src)
        return self.rowptr, self.col.to(twin.dtype), twin  # one copy serves both

    def edge(self) -> Tensor:
        """The edge each arc belongs to, int64 ``[num_arcs]``."""
        return self._derive('edge', self._number_edges)

    def _number_edges(self) -> Tensor:
        if not self.undirected:
            return torch.arange(self.num_arcs, device=self.col.device)
        return number_edges(*self.transpose())

    def edge_slot(self) -> Tensor:
        """One arc of each edge (the one into its smaller node), ``[num_edges]``."""
        if not self.undirected:
            return self.edge()
        return (self.row() < self.col).nonzero().squeeze(1)

    def edge_blocks(self) -> Iterator[tuple[Tensor, Tensor]]:
        """Source and target of each edge, in edge order, some at a time.

        Of an undirected edge the target is the smaller node. With no number for each
        arc or edge held, so ``col`` may be a mapped file.
        """
        for first, end in slot_blocks(self.num_arcs):
            source = self.col[first:end].long()
            target = rows_of(self.rowptr, first, end)
            if self.undirected:
                one = target < source
                source, target = source[one], target[one]
            yield source, target

    def degree(self) -> Tensor:
        """Arcs into each target node, self-loops apart, int64 ``[num_dst]``."""
        return self.rowptr.diff()

    def out_degree(self) -> Tensor:
        """Arcs out of each source node, self-loops apart, int64 ``[num_src]``."""
        return self.degree() if self.undirected else self.transpose()[0].diff()

    def num_isolated(self) -> int:
        """Nodes that no arc touches; self-loops do not count."""
        touched = torch.zeros(self.num_nodes, dtype=torch.bool, device=self.col.device)
        touched[self.row()] = touched[self.col] = True
        return int((~touched).sum())

    def digest(self) -> str:
        """SHA-256 of the sorted arcs and loops; the caller's order is out of it."""
        if 'digest' not in self._cache:
            head = f'{self.num_src} {self.num_dst}\n'
            digest = hashlib.sha256(head.encode())
            for part in (self.rowptr, self.col, self.loop):
                for block in part.split(2**22):  # of maps larger than memory
                    digest.update(block.cpu().to(torch.int64).numpy().data)
            self._cache['digest'] = digest.hexdigest()
        return self._cache['digest']

    # Between the caller's edges and ours.

    def to_caller(self, per_edge: Tensor, loops: Any, absent: Any = 0) -> Tensor:
        """Spread ``[num_edges]`` over the caller's list, ``[num_input]``.

        Self-loops take the value ``loops``; edges of the caller's list that are no
        longer in this graph take ``absent``.
        """
        out = per_edge.new_full((self.num_input,), absent)
        out[self.loop_id] = loops
        out[self.edge_id] = per_edge[self.edge()]
        return out

    def to_edge_index(self) -> Tensor:
        """The edge list in the caller's order, int64 ``[2, edges]``, loops included."""
        ends = torch.stack([self.col.long(), self.row()])
        ends = torch.cat([ends, self.loop.expand(2, -1)], dim=1)
        return ends[:, torch.argsort(torch.cat([self.edge_id, self.loop_id]))]

    def kept_ids(self) -> Tensor:
        """The caller's positions that this graph still holds, ascending."""
        return torch.cat([self.edge_id, self.loop_id]).sort().values

    # New graphs from this one.

    def keep_edges(self, keep: Tensor) -> Adjacency:
        """The graph with only the marked edges, ``keep`` boolean ``[num_edges]``.

        The others are gone: no slot, no weight. Self-loops stay.
        """
        check_mask(keep, self.num_edges, 'edges')
        return self._take(keep[self.edge()], None, self.undirected)

    def subgraph(self, edge_mask: Tensor) -> Adjacency:
        """The graph with only the marked entries of the caller's edge list.

        Args:
            edge_mask: Boolean ``[num_input]``. Where it cuts one of two twins, the
                result is directed.
        """
        check_mask(edge_mask, self.num_input, "entries of the caller's edge list")
        part = self._take(edge_mask[self.edge_id], edge_mask[self.loop_id], False)
        return replace(part, undirected=self.undirected and part._arcs_have_twins())

    @_lasting()
    def _take(self, slots: Tensor, loops: Tensor | None, undirected: bool) -> Adjacency:
        rowptr, col, slot = compact(self.rowptr, self.col, slots)
        loops = torch.ones_like(self.loop, dtype=torch.bool) if loops is None else loops
        return Adjacency(
            rowptr,
            col,
            self.loop[loops],
            self.loop_id[loops],
            self.num_src,
            self.num_input,
            undirected,
            order=slot if self.order is None else self.order[slot],
            weight=None if self.weight is None else self.weight[slot],
            loop_weight=None if self.loop_weight is None else self.loop_weight[loops],
            mask=None if self.mask is None else self.mask[slot],
        )

    def as_directed(self) -> Adjacency:
        """The same graph with every arc an edge of its own."""
        return self._as(undirected=False)

    def as_undirected(self) -> Adjacency:
        """The same graph with twin arcs as one edge; InputError if some have none."""
        if not self._arcs_have_twins():
            raise InputError(
                'undirected=True, but some arcs have no twin. Add them with '
                'torch_geometric.utils.to_undirected, or leave the option out.'
            )
        return self._as(undirected=True)

    def _as(self, undirected: bool) -> Adjacency:
        cache = {k: v for k, v in self._cache.items() if k != 'edge'}
        return replace(self, undirected=undirected, _cache=cache)

    def with_mask(self, mask: Tensor) -> Adjacency:
        """The same graph under a soft mask ``[num_edges]`` in [0, 1].

        Twins share one entry. What a soft mask means is each conv's own; at 0 and 1
        it means the edge is gone or there. Self-loops are never masked.
        """
        if mask.shape != (self.num_edges,) or not mask.is_floating_point():
            raise InputError(
                f'A soft mask holds one float for each of the {self.num_edges} edges '
                f'(got {mask.dtype} of shape {list(mask.shape)}).'
            )
        return replace(self, mask=mask[self.edge()], _cache=self._structure())

    def with_weight(self, edge_weight: Tensor | None) -> Adjacency:
        """The same graph with other weights, one for each of the caller's edges."""
        weight = loop_weight = None
        if edge_weight is not None:
            edge_weight = check_weight(edge_weight, self.num_input)
            weight, loop_weight = edge_weight[self.edge_id], edge_weight[self.loop_id]
        return replace(
            self, weight=weight, loop_weight=loop_weight, _cache=self._structure()
        )

    def _structure(self) -> dict[Any, Any]:
        """What of the cache does not depend on weights."""
        return {k: v for k, v in self._cache.items() if k[0] != 'operator'}

    def to(self, device: torch.device | str, non_blocking: bool = False) -> Adjacency:
        """The same graph on another device."""
        moved: dict[str, Any] = {
            name: tensor.to(device, non_blocking=non_blocking)
            for name, tensor in vars(self).items()
            if isinstance(tensor, Tensor)
        }
        return replace(self, **moved, _cache={})

    # What the kernels take.

    def pattern(self, loops: Loops = 'given') -> Pattern:
        """The non-zeros for the kernels.

        Args:
            loops: ``'none'`` leaves self-loops out; ``'given'`` has the caller's;
                ``'all'`` has exactly one at every node. Values for the pattern are
                ``[arcs..., loops...]``, with ``'all'`` loops in node order.
        """
        return self._derive(('pattern', loops), partial(self._make_pattern, loops))

    def _make_pattern(self, loops: Loops) -> Pattern:
        if loops == 'given' and self.num_loops == 0:
            return self.pattern('none')
        t_rowptr, t_col, t_perm = self.transpose()
        if loops == 'none':
            return Pattern(self.rowptr, self.col, None, t_rowptr, t_col, t_perm)
        node = self.loop
        if loops == 'all':
            node = torch.arange(self.num_nodes, device=self.col.device)
        forward = merge_loops(self.rowptr, self.col, None, node)
        backward = merge_loops(t_rowptr, t_col, t_perm, node)
        if t_rowptr is self.rowptr:
            backward = *forward[:2], backward[2]  # symmetric: one copy serves both
        return Pattern(*forward, *backward)

    def normalize(
        self,
        add_self_loops: bool = True,
        fill_value: float = 1.0,
        dtype: torch.dtype = torch.float32,
    ) -> Operator:
        r"""GCN's operator :math:`D^{-1/2} (A + I) D^{-1/2}` (Kipf & Welling 2017).

        Weights are multiplied by the soft mask before degrees are summed, so the
        result is differentiable in both. D holds row sums (in-degrees) for both
        ends, as PyG's ``gcn_norm``; a node of degree 0 has a row of zeros.

        Args:
            add_self_loops: One self-loop at every node; a given one keeps its
                weight (the last given, if several). False takes loops as given.
            fill_value: Weight of an added self-loop.
            dtype: Type of the values.

        Raises:
            InputError: If sources and targets are different in number.
        """
        make = partial(gcn_operator, self, add_self_loops, fill_value, dtype)
        factors = (self.weight, self.loop_weight, self.mask)
        if any(factor is not None and factor.requires_grad for factor in factors):
            return make()  # also where gradients are off now: they may be on later
        return self._derive(('operator', add_self_loops, fill_value, dtype), make)

    def arc_values(self, dtype: torch.dtype) -> Tensor:
        """Weight times soft mask of each arc; ones where neither is given."""
        value = torch.ones(self.num_arcs, dtype=dtype, device=self.col.device)
        for factor in (self.weight, self.mask):
            value = value if factor is None else value * factor.to(dtype)
        return value

    def loop_values(self, dtype: torch.dtype) -> Tensor:
        """Weight of each self-loop; ones where none is given."""
        if self.loop_weight is None:
            return torch.ones(self.num_loops, dtype=dtype, device=self.col.device)
        return self.loop_weight.to(dtype)

    def values(self, dtype: torch.dtype) -> Tensor | None:
        """Weights for ``pattern('given')``; None where all are 1."""
        if self.weight is None and self.mask is None:
            return None
        return torch.cat([self.arc_values(dtype), self.loop_values(dtype)])

    def prepare(self) -> Adjacency:
        """Fill the caches that forward and backward passes read; returns itself."""
        self.row()
        self.pattern('given')
        if self.num_src == self.num_dst:
            self.pattern('all')
        return self
