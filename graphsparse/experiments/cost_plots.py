from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from graphsparse.experiments.report import to_svg

AXES = {
    'activation_mb': 'activations of a step, MB',
    'epoch_seconds': 'seconds an epoch, loading included',
    'peak_rss_mb': 'peak memory of the process, MB',
}


def draw_costs(rows: Sequence[dict[str, Any]]) -> list[str]:
    """Accuracy against memory and time, a dot a method, as one SVG element."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(13, 4), layout='constrained')
    panels = figure.subplots(1, len(AXES), sharey=True)
    panels[0].set_ylabel('test, %')
    for axes, (key, label) in zip(panels, AXES.items(), strict=True):
        axes.set_xlabel(label)
        own = [row for row in rows if row.get(key)]
        if own:  # one dot alone has no range of its own
            values = [row[key] for row in own]
            axes.set_xlim(min(values) / 1.5, max(values) * 2)
        axes.set_xscale('log')
        for row in own:
            at = row[key], 100 * row['test_mean']
            spread = 100 * (row['test_std'] or 0)
            axes.errorbar(*at, yerr=spread, marker='o', capsize=2)
            axes.annotate(
                row['method'], at, (4, 4), textcoords='offset points', fontsize=8
            )
    return [to_svg(figure)]
