from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.nn import Linear

from graphsparse.nn.hops.base import HopNet


class SGC(HopNet):
    r"""One linear map of the last hop, :math:`S^K X W + b`.

    Wu et al., "Simplifying Graph Convolutional Networks", ICML 2019. There
    is no hidden layer: ``hidden_channels`` and ``dropout`` change nothing.
    """

    def __init__(
        self, in_channels: int, out_channels: int, num_hops: int, **options: Any
    ) -> None:
        super().__init__(in_channels, out_channels, num_hops, **options)
        self.lin = Linear(in_channels, out_channels)

    def forward(self, hops: Tensor) -> Tensor:  # noqa: D102
        return self.lin(hops[:, -1])
