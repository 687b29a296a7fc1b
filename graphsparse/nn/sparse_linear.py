from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import Module, Parameter

from graphsparse.engine import InputError
from graphsparse.kernels import Pattern, sparse_linear
from graphsparse.nn.features import nonzeros


class SparseLinear(Module):
    r"""A linear layer that holds, multiplies and trains its non-zero weights alone.

    :math:`y = x W^T + b` with W in CSR form. What is not there costs neither memory
    nor time, has no gradient, and never comes back.

    Args:
        linear: The dense layer (``torch.nn.Linear``, PyG's ``Linear``) whose non-zero
            weights, by value, are taken over. It is not changed.

    Attributes:
        value: The non-zero weights, parameter ``[non-zeros]``.
        bias: Parameter ``[out_channels]`` or None.
        in_channels: Features of an input row.
        out_channels: Features of an output row.

    Raises:
        InputError: If ``linear`` has no weight matrix.

    Shapes: ``x`` ``[..., in_channels]``; returns ``[..., out_channels]``.

    Example:
        >>> layer = SparseLinear(pruned)  # pruned.weight is 95 % zeros
        >>> out = layer(x)
    """

    rowptr: Tensor
    col: Tensor
    t_rowptr: Tensor
    t_col: Tensor
    t_perm: Tensor

    def __init__(self, linear: Module) -> None:
        super().__init__()
        weight, bias = getattr(linear, 'weight', None), getattr(linear, 'bias', None)
        if not isinstance(weight, Tensor) or weight.dim() != 2:
            raise InputError(
                f'SparseLinear takes a layer with a weight matrix (got {linear}).'
            )
        self.out_channels, self.in_channels = weight.shape
        pattern, value = nonzeros(weight.detach())
        for name in ('rowptr', 'col', 't_rowptr', 't_col', 't_perm'):
            self.register_buffer(name, getattr(pattern, name))
        self.value = Parameter(value)
        self.bias = None if bias is None else Parameter(bias.detach().clone())

    @property
    def pattern(self) -> Pattern:
        """Where the non-zeros are."""
        back = self.t_rowptr, self.t_col, self.t_perm
        return Pattern(self.rowptr, self.col, None, *back)

    @property
    def density(self) -> float:
        """Non-zeros over all entries of the matrix."""
        return self.value.numel() / max(1, self.in_channels * self.out_channels)

    def forward(self, x: Tensor) -> Tensor:
        """Multiply by the non-zeros and add the bias."""
        flat = x.reshape(-1, x.size(-1))
        out = sparse_linear(flat, self.pattern, self.value)
        out = out if self.bias is None else out + self.bias.to(out.dtype)
        return out.view(*x.shape[:-1], self.out_channels)

    @property
    def weight(self) -> Tensor:
        """The matrix in dense form, made anew, ``[out_channels, in_channels]``."""
        row = torch.repeat_interleave(self.rowptr.diff())
        out = self.value.new_zeros(self.out_channels, self.in_channels)
        return out.index_put((row, self.col.long()), self.value)

    def __repr__(self) -> str:
        return (
            f'SparseLinear({self.in_channels}, {self.out_channels}, '
            f'density={self.density:.3g}, bias={self.bias is not None})'
        )
