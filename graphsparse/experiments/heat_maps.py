from __future__ import annotations

import numpy as np
from torch import Tensor

from graphsparse.experiments.report import to_svg
from graphsparse.rewiring import Flow


def draw_flow(flow: Flow, title: str) -> str:
    """What flowed through a net in training: heat maps, layer against epoch.

    Beside one another the norms of the gradients and, if they were looked at, the
    Dirichlet energy and the effective rank of the outputs; the first two as powers of
    ten. Where something was not measured, or is 0, the map is empty.

    Args:
        flow: Of one training.
        title: Above the maps.

    Returns:
        An SVG element.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import MaxNLocator

    maps = {
        'gradient norm, log10': (flow.epochs, _log10(flow.gradient)),
        'Dirichlet energy, log10': (flow.probed, _log10(flow.energy)),
        'effective rank': (flow.probed, flow.rank.numpy()),
    }
    seen = {name: of for name, of in maps.items() if np.isfinite(of[1]).any()}
    figure = Figure(figsize=(3.6 * max(len(seen), 1), 3.2), layout='constrained')
    figure.suptitle(title)
    for number, (name, (epochs, values)) in enumerate(seen.items(), start=1):
        axes = figure.add_subplot(1, len(seen), number)
        axes.set(xlabel='epoch', ylabel='layer', title=name)
        axes.yaxis.set_major_locator(MaxNLocator(integer=True))
        edges = 0, int(epochs[-1]) + 1, -0.5, values.shape[1] - 0.5
        image = axes.imshow(
            values.T, aspect='auto', origin='lower', extent=edges, interpolation='none'
        )
        figure.colorbar(image)
    return to_svg(figure)


def _log10(values: Tensor) -> np.ndarray:
    return values.where(values > 0, float('nan')).log10().numpy()
