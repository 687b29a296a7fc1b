from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from graphsparse.engine import write_atomic
from graphsparse.experiments.summary import columns

PLOTS = (
    ('graph_sparsity', 'test_mean', 'test_std', 'edges removed', 'test accuracy'),
    ('weight_sparsity', 'test_mean', 'test_std', 'weights removed', 'test accuracy'),
    ('graph_sparsity', 'macs', None, 'edges removed', 'MACs a forward pass'),
    ('graph_sparsity', 'epoch_seconds', None, 'edges removed', 'seconds an epoch'),
)


def write_report(path: Path, title: str, rows: Sequence[dict[str, Any]]) -> None:
    """One self-contained HTML page of summaries: the table, then the curves.

    Args:
        path: Where to; written aside, then renamed.
        title: Its heading.
        rows: What :func:`summarise` gives.
    """
    from jinja2 import Environment, PackageLoader  # heavy, and only wanted here

    plots = [draw(rows, *plot) for plot in PLOTS if _varies(rows, plot[0])]
    environment = Environment(
        loader=PackageLoader('graphsparse.experiments', '.'), autoescape=True
    )
    shown = columns(rows)
    page = environment.get_template('report.html.jinja').render(
        title=title,
        columns=list(shown),
        table=[[show(row) for show in shown.values()] for row in rows],
        plots=plots,
    )
    with write_atomic(path) as aside:
        aside.write_text(page, encoding='utf-8')


def _varies(rows: Sequence[dict[str, Any]], name: str) -> bool:
    return len({row[name] for row in rows if row['method'] != 'dense'}) > 1


def draw(
    rows: Sequence[dict[str, Any]],
    x: str,
    y: str,
    deviation: str | None,
    x_label: str,
    y_label: str,
) -> str:
    """One line a method with a band of one standard deviation, as an SVG element.

    The dense network is a horizontal line.
    """
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 3.6), layout='constrained')
    axes = figure.add_subplot(xlabel=x_label, ylabel=y_label)
    for method in dict.fromkeys(row['method'] for row in rows):
        own = sorted((r for r in rows if r['method'] == method), key=lambda r: r[x])
        values = [row[y] for row in own]
        band = [(row[deviation] or 0) if deviation else 0 for row in own]
        if method == 'dense':
            axes.axhline(values[0], color='0.5', linestyle='--', label=method)
            continue
        (line,) = axes.plot([row[x] for row in own], values, marker='o', label=method)
        axes.fill_between(
            [row[x] for row in own],
            [v - b for v, b in zip(values, band, strict=True)],
            [v + b for v, b in zip(values, band, strict=True)],
            color=line.get_color(),
            alpha=0.15,
        )
    axes.legend(frameon=False)
    text = io.StringIO()
    FigureCanvasSVG(figure).print_svg(text, metadata={'Date': None})
    svg = text.getvalue()
    return svg[svg.index('<svg') :]
