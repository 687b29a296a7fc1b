from __future__ import annotations

from torch import Tensor
from torch.nn import Module

from graphsparse.nn.head_mlp import HeadMLP
from graphsparse.nn.hops.base import HopNet


class LabelNet(Module):
    """A net over hops, plus a perceptron of propagated training labels.

    The logits of the two are added up, the perceptron's as the mean of its heads (Sun
    et al., SAGN+SLE, 2021; Duan et al., EnGCN, NeurIPS 2022 data sets and benchmarks).

    Args:
        net: Of the features.
        hidden_channels: Width of the perceptron's hidden layers.
        num_layers: Its linear maps.
        heads: How many perceptrons there are.
        dropout: After each of their hidden layers.
    """

    def __init__(
        self,
        net: HopNet,
        hidden_channels: int = 128,
        num_layers: int = 3,
        heads: int = 1,
        dropout: float = 0.2,
    ) -> None:
        super().__init__()
        classes = net.out_channels
        self.net = net
        self.labels = HeadMLP(
            classes, hidden_channels, classes, num_layers, heads, dropout
        )

    def forward(self, hops: Tensor, labels: Tensor | None = None) -> Tensor:
        """Logits ``[nodes, classes]``.

        Args:
            hops: As the net takes them.
            labels: Propagated labels ``[nodes, classes]``; None leaves the perceptron
                of labels out.
        """
        out = self.net(hops)
        return out if labels is None else out + self.labels(labels).mean(1)
