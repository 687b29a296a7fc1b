from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn import BatchNorm1d, Module, ModuleList, Parameter, ParameterList


class HeadMLP(Module):
    """Perceptrons side by side, the heads, each with weights and norms of its own.

    Linear, batch normalisation, ReLU, dropout; the last layer is linear alone. Weights
    start Xavier-uniform with ReLU's gain, biases at 0 (Sun et al., SAGN, 2021).

    Args:
        in_channels: Features of a row.
        hidden_channels: Width of the hidden layers of one head.
        out_channels: Width of one head's output.
        num_layers: Linear maps of a head.
        heads: How many.
        dropout: After each hidden layer.
    """

    def __init__(
        self,
        in_channels: int,
        hidden_channels: int,
        out_channels: int,
        num_layers: int,
        heads: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.heads = heads
        self.dropout = dropout
        widths = [in_channels, *[hidden_channels] * (num_layers - 1), out_channels]
        ends = list(pairwise(widths))
        self.weights = ParameterList(torch.empty(heads, *end) for end in ends)
        self.biases = ParameterList(torch.empty(heads, end[1]) for end in ends)
        self.norms = ModuleList(BatchNorm1d(heads * end[1]) for end in ends[:-1])
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters anew."""
        gain = torch.nn.init.calculate_gain('relu')
        for weight, bias in zip(self.weights, self.biases, strict=True):
            for head in weight:
                torch.nn.init.xavier_uniform_(head, gain)
            torch.nn.init.zeros_(bias)
        for norm in self.norms:
            norm.reset_parameters()  # type: ignore[operator]

    def forward(self, x: Tensor) -> Tensor:
        """The heads' outputs ``[rows, heads, out_channels]``.

        Args:
            x: One input for all heads, ``[rows, in_channels]``, or one for each,
                ``[rows, heads, in_channels]``.
        """
        if x.dim() == 2:
            x = x.unsqueeze(1).expand(-1, self.heads, -1)
        layers: list[tuple[Parameter, Parameter, Module | None]] = list(
            zip(self.weights, self.biases, [*self.norms, None], strict=True)
        )
        for weight, bias, norm in layers:
            x = torch.einsum('nhi,hio->nho', x, weight) + bias
            if norm is not None:
                x = norm(x.flatten(1)).view_as(x).relu()
                x = F.dropout(x, self.dropout, self.training)
        return x
