from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor
from torch.nn import BatchNorm1d, Linear, Module, ModuleList, ReLU, Sequential
from torch_geometric.nn import GINEConv

from graphsparse.nn.encoders import ATOM_SIZES, BOND_SIZES, CategoryEncoder
from graphsparse.nn.pool import Pooling, check_pooling, pool_graphs


class MoleculeGINE(Module):
    """GIN with bonds, as the baselines of OGB's molecules are.

    Atoms and the bonds of each layer are sums of embeddings; a layer is
    MLP((1 + eps) h_v + sum_u ReLU(h_u + e_uv)), batch norm, ReLU and dropout. Hu et
    al., "Strategies for Pre-training Graph Neural Networks", ICLR 2020; "Open Graph
    Benchmark", NeurIPS 2020.

    Args:
        out_channels: Logits a graph.
        hidden_channels: Width of all layers.
        num_layers: Number of convs.
        dropout: After every conv.
        pool: 'mean' or 'sum' of a graph's nodes.
    """

    def __init__(
        self,
        out_channels: int,
        hidden_channels: int = 300,
        num_layers: int = 5,
        dropout: float = 0.5,
        pool: Pooling = 'mean',
    ) -> None:
        super().__init__()
        check_pooling(pool)
        width, layers = hidden_channels, range(num_layers)
        self.dropout, self.pool = dropout, pool
        self.atoms = CategoryEncoder(ATOM_SIZES, width)
        self.bonds = ModuleList(CategoryEncoder(BOND_SIZES, width) for _ in layers)
        self.convs = ModuleList(GINEConv(_mlp(width), train_eps=True) for _ in layers)
        self.norms = ModuleList(BatchNorm1d(width) for _ in layers)
        self.read_out = Linear(width, out_channels)

    def forward(
        self, x: Tensor, edge_index: Tensor, edge_attr: Tensor, batch: Tensor
    ) -> Tensor:
        """Logits of every graph.

        Args:
            x: Atoms ``[nodes, 9]``.
            edge_index: ``[2, arcs]``.
            edge_attr: Bonds ``[arcs, 3]``.
            batch: The graph of each atom ``[nodes]``.

        Returns:
            ``[graphs, out_channels]``.
        """
        h = self.atoms(x)
        layers = zip(self.bonds, self.convs, self.norms, strict=True)
        for number, (bonds, conv, norm) in enumerate(layers, 1):
            h = norm(conv(h, edge_index, bonds(edge_attr)))
            if number < len(self.convs):
                h = h.relu()
            h = F.dropout(h, self.dropout, self.training)
        return self.read_out(pool_graphs(h, batch, self.pool))


def _mlp(width: int) -> Sequential:
    return Sequential(
        Linear(width, 2 * width),
        BatchNorm1d(2 * width),
        ReLU(),
        Linear(2 * width, width),
    )
